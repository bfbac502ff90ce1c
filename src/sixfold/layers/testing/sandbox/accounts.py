"""The few files of /etc that a guest sees."""

from __future__ import annotations

from pathlib import Path


def write_accounts(folder: Path) -> None:
    """A tiny /etc: the one user, no group, the loopback's name."""
    texts = {
        "passwd": "root:x:0:0::/:/bin/false\nsixfold:x:1000:1000::/home/sixfold:/bin/sh\n",
        "group": "root:x:0:\nsixfold:x:1000:\n",
        "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
