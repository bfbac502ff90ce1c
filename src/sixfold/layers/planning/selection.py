"""Which files of a tree a model may be shown at all."""

from __future__ import annotations

import re

from sixfold.domain.ports import FileEntry

MOST_FILE_BYTES = 300_000
_VENDORED = frozenset(
    {
        "node_modules", "vendor", "vendored", "third_party", "site-packages", ".venv", "venv", "__pycache__", ".tox",
        ".git", "dist", "build", "target", ".mypy_cache", ".ruff_cache", ".pytest_cache", "bower_components",
    }
)  # fmt: skip
_SECRET = re.compile(
    r"\.env(\..+)?|.+\.env|\.envrc|.+\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk|asc|gpg|ovpn|tfstate|tfvars)(\..+)?|"
    r"id_(rsa|dsa|ecdsa|ed25519)(\..+)?|\.netrc|_netrc|\.npmrc|\.pypirc|\.htpasswd|\.pgpass|\.git-credentials|"
    r"(.+[._-])?(secrets?|credentials?|passwords?)([._-].+)?\.(json|ya?ml|toml|ini|cfg|txt|properties|xml)|credentials|\.dockercfg",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(r".+\.(example|sample|template|dist)", re.IGNORECASE)
_NOISE = re.compile(
    r".+\.min\.(js|css)|.+\.map|.+\.lock|package-lock\.json|pnpm-lock\.yaml|go\.sum|requirements\.lock|"
    r".+\.(png|jpe?g|gif|ico|webp|pdf|docx?|xlsx?|zip|gz|tar|whl|so|dll|exe|pyc|class|jar|woff2?|ttf|eot|mp[34]|sqlite3?|db|bin|parquet)",
    re.IGNORECASE,
)


def looks_secret(path: str) -> bool:
    """Whether a file's name says that it may hold keys or passwords. Such text never enters a prompt."""
    name = path.rsplit("/", 1)[-1]
    folders = path.casefold().split("/")[:-1]
    hidden = any(folder in (".ssh", ".aws", ".gnupg", ".kube", ".docker") for folder in folders)
    return hidden or (bool(_SECRET.fullmatch(name)) and not _TEMPLATE.fullmatch(name))


def worth_reading(entry: FileEntry) -> bool:
    """Whether a file is source, configuration or prose of this project, small enough to read."""
    folders = entry.path.split("/")[:-1]
    name = entry.path.rsplit("/", 1)[-1]
    return (
        entry.mode.startswith("100")
        and entry.size_bytes <= MOST_FILE_BYTES
        and not any(folder in _VENDORED or folder.endswith(".egg-info") for folder in folders)
        and not _NOISE.fullmatch(name)
        and not looks_secret(entry.path)
    )


def readable_text(content: bytes | None) -> str | None:
    """The text of a file with plain line feeds, or None when it is absent, binary or not UTF-8."""
    if content is None or b"\0" in content:
        return None
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        return None
