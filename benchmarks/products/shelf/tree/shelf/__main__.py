"""`python -m shelf`."""

import argparse
import signal
import sys
from http.server import ThreadingHTTPServer

from shelf.api import handler
from shelf.store import Store

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="shelf")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer(("127.0.0.1", options.port), handler(Store(options.data))).serve_forever()
