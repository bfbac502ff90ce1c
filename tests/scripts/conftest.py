"""Set-up is tried against an index on loopback that holds the real uv."""

from __future__ import annotations

import base64
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import uv
from clone import VERSION, Checkout, Index, platform_tag, sha256, write_wheel

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))


@pytest.fixture(scope="session")
def uv_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real uv of this environment, packed as a wheel for this machine under a version of our own."""
    program = Path(uv.find_uv_bin()).read_bytes()
    files = {f"uv-{VERSION}.data/scripts/uv": program}
    return write_wheel(tmp_path_factory.mktemp("uv"), "uv", VERSION, files, tag=f"py3-none-{platform_tag()}")


@pytest.fixture
def index(tmp_path: Path, uv_wheel: Path) -> Iterator[Index]:
    """A running index that holds a wheel of uv (the real program) for this machine and one small package."""
    folder = tmp_path / "index"
    folder.mkdir()
    served = Index(folder)
    os.link(uv_wheel, folder / uv_wheel.name)
    write_wheel(folder, "smallpackage", "1.0", {"smallpackage.py": b"ANSWER = 42\n"})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            expected = "Basic " + base64.b64encode(served.login.encode()).decode()
            if served.login and self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="index"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            found = served.answer(self.path)
            self.send_response(200 if found else 404)
            body, kind = found or (b"", "text/plain")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture
def checkout(tmp_path: Path, index: Index) -> Checkout:
    """A fresh clone, not yet set up. Its path has a space in it, as paths do."""
    folder, home = tmp_path / "a clone", tmp_path / "home"
    home.mkdir()
    (folder / "src/sixfold").mkdir(parents=True)
    (folder / "src/sixfold/__init__.py").write_text('"""A small stand-in."""\n')
    (folder / "src/sixfold/__main__.py").write_text("def main():\n    print('it runs')\n")
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    lock = "".join(
        f"{file.name.split('-')[0]}=={file.name.split('-')[1]} \\\n    --hash=sha256:{sha256(file)}\n"
        for file in sorted(index.folder.iterdir())
    )
    (folder / "requirements.lock").write_text(lock)
    (folder / "requirements-dev.lock").write_text(lock)
    return Checkout(folder, home)
