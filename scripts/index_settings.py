"""Where packages come from on this machine, as the person already told pip or uv.

Standard library only: this runs before anything is installed. uv reads its own settings but none of pip's, so pip's
are translated into uv's variables; a setting made for uv always wins over the same one made for pip.
"""

from __future__ import annotations

import configparser
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_INDEX = "https://pypi.org/simple"
"""What pip and uv use when nobody configured anything; needed only to fetch uv itself in that case."""

SETTINGS = "UV_DEFAULT_INDEX, PIP_INDEX_URL, pip.conf, uv.toml, HTTPS_PROXY, SSL_CERT_FILE"
"""What a person can set to reach an index; named in error messages."""


@dataclass(frozen=True)
class Sources:
    """Places to look for packages, most wanted first, and how to talk to them."""

    indexes: tuple[str, ...]
    """Roots of simple indexes: https, http or file."""
    links: tuple[str, ...] = ()
    """Folders or pages with plain links to files (`--find-links`)."""
    ca_file: str | None = None
    insecure_hosts: frozenset[str] = frozenset()
    timeout_s: float = 30.0
    uv_variables: Mapping[str, str] = field(default_factory=dict)
    """To add to the environment when uv is started, so that it sees what pip would see."""


def read_sources(environ: Mapping[str, str], *, site: Path = Path(sys.prefix), system: Path = Path("/etc")) -> Sources:
    """Collect what environment variables, pip.conf files and uv.toml files say."""
    pip = _pip_settings(environ, site, system)
    uv = _uv_index_settings(environ, system)
    variables: dict[str, str] = {}
    if uv:
        default, extra, links = uv.get("default", DEFAULT_INDEX), uv.get("extra", ""), uv.get("links", "")
    else:
        default, extra, links = (
            pip.get("index-url", DEFAULT_INDEX),
            pip.get("extra-index-url", ""),
            pip.get("find-links", ""),
        )
        if pip.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
            default, extra, variables["UV_NO_INDEX"] = "", "", "1"
        if "index-url" in pip:
            variables["UV_DEFAULT_INDEX"] = default
        if extra:
            variables["UV_EXTRA_INDEX_URL"] = " ".join(extra.split())
            # pip looks in all its indexes; the hashes in the lock make that safe against look-alikes.
            variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"
        if links:
            variables["UV_FIND_LINKS"] = ",".join(links.split())
    hosts = frozenset(pip.get("trusted-host", "").split()) | frozenset(
        environ.get("UV_INSECURE_HOST", "").replace(",", " ").split()
    )
    if "trusted-host" in pip:
        variables["UV_INSECURE_HOST"] = " ".join(sorted(hosts))
    ca_file = (
        environ.get("SSL_CERT_FILE")
        or pip.get("cert")
        or environ.get("REQUESTS_CA_BUNDLE")
        or environ.get("CURL_CA_BUNDLE")
    )
    if ca_file:
        variables["SSL_CERT_FILE"] = ca_file
    else:
        # As Python and pip do: trust what the machine's administrator trusts. Older versions know the second name only.
        variables |= {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"}
    if "client-cert" in pip:
        variables["SSL_CLIENT_CERT"] = pip["client-cert"]
    if "proxy" in pip:
        variables |= {"HTTPS_PROXY": pip["proxy"], "HTTP_PROXY": pip["proxy"]}
    timeout_s = float(environ.get("UV_HTTP_TIMEOUT") or pip.get("timeout") or 30)
    if "timeout" in pip:
        variables["UV_HTTP_TIMEOUT"] = str(int(timeout_s))
    return Sources(
        indexes=tuple(url for url in (default, *extra.split()) if url),
        links=tuple(links.replace(",", " ").split()),
        ca_file=ca_file,
        insecure_hosts=hosts,
        timeout_s=timeout_s,
        uv_variables={name: value for name, value in variables.items() if name not in environ},
    )


def _pip_settings(environ: Mapping[str, str], site: Path, system: Path) -> dict[str, str]:
    """What pip was told by its files (global < user < site < PIP_CONFIG_FILE) and `PIP_*` variables, which win."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    own = environ.get("PIP_CONFIG_FILE", "")
    if own != os.devnull:
        for path in (*_pip_files(environ, system), site / "pip.conf", *([Path(own)] if own else [])):
            try:
                parser.read(path, encoding="utf-8")
            except (configparser.Error, UnicodeDecodeError) as error:
                print(f"ignored {path}: {str(error).splitlines()[0]}", file=sys.stderr)
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            found[name[4:].lower().replace("_", "-")] = value
    return found


def _pip_files(environ: Mapping[str, str], system: Path) -> Iterator[Path]:
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    if sys.platform == "darwin":
        yield Path("/Library/Application Support/pip/pip.conf")
    for folder in reversed((environ.get("XDG_CONFIG_DIRS") or str(system / "xdg")).split(":")):
        yield Path(folder) / "pip/pip.conf"
    yield system / "pip.conf"
    yield home / ".pip/pip.conf"
    if sys.platform == "darwin":
        yield home / "Library/Application Support/pip/pip.conf"
    yield config / "pip/pip.conf"


def _uv_index_settings(environ: Mapping[str, str], system: Path) -> dict[str, str]:
    """`default`, `extra` and `links` as set for uv; empty when uv was never told where to look."""
    found: dict[str, str] = {}
    if environ.get("UV_NO_CONFIG", "").lower() not in {"1", "true"}:
        for path in _uv_files(environ, system):
            try:
                settings = tomllib.loads(path.read_text(encoding="utf-8"))
            except OSError:
                continue  # most machines have none of these files
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                print(f"ignored {path}: {error}", file=sys.stderr)
                continue
            found |= _uv_indexes({**settings.get("pip", {}), **settings})
    variables = {
        "default": ("UV_INDEX_URL", "UV_DEFAULT_INDEX"),
        "extra": ("UV_EXTRA_INDEX_URL", "UV_INDEX"),
        "links": ("UV_FIND_LINKS",),
    }
    for name, sources in variables.items():
        for variable in sources:
            if environ.get(variable):
                # A variable may name its index: `corporate=https://…`.
                words = environ[variable].replace(",", " ").split()
                found[name] = " ".join(word.split("=", 1)[1] if _is_named(word) else word for word in words)
    return found


def _is_named(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.replace("-", "").replace("_", "").isalnum()


def _uv_indexes(settings: Mapping[str, object]) -> dict[str, str]:
    found: dict[str, str] = {}
    if isinstance(settings.get("index-url"), str):
        found["default"] = str(settings["index-url"])
    for name, key in (("extra-index-url", "extra"), ("find-links", "links")):
        value = settings.get(name)
        if isinstance(value, list):
            found[key] = " ".join(map(str, value))
    indexes = settings.get("index")
    for index in indexes if isinstance(indexes, list) else []:
        if index.get("default"):
            found["default"] = index["url"]
        elif not index.get("explicit"):
            found["extra"] = f"{found.get('extra', '')} {index['url']}".strip()
    return found


def _uv_files(environ: Mapping[str, str], system: Path) -> Iterator[Path]:
    if environ.get("UV_CONFIG_FILE"):
        yield Path(environ["UV_CONFIG_FILE"])
        return
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    for folder in reversed((environ.get("XDG_CONFIG_DIRS") or str(system / "xdg")).split(":")):
        yield Path(folder) / "uv/uv.toml"
    yield system / "uv/uv.toml"
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "uv/uv.toml"
