"""Read a package index with the standard library: its list of files (HTML or JSON) and the files themselves."""

from __future__ import annotations

import base64
import json
import netrc
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from index_settings import Sources

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


@dataclass(frozen=True)
class Link:
    """A downloadable file."""

    name: str
    url: str


def list_files(sources: Sources, project: str) -> Iterator[Link]:
    """All files of a project, in the order of the sources; a source that has none is passed over.

    Raises:
        OSError: not one source could be read. The message names every place and what it said, without credentials.
    """
    pages = [*sources.links, *(f"{index.rstrip('/')}/{project}/" for index in sources.indexes)]
    failures, answered = [], False
    for page in pages:
        try:
            links = _read_page(sources, page)
        except (OSError, ValueError) as error:
            failures.append(f"{_without_credentials(page)}: {_reason(error)}")
            continue
        answered = True
        yield from links
    if not answered:
        raise OSError("; ".join(failures) or "no package index is configured")


def fetch(sources: Sources, url: str) -> bytes:
    """The bytes behind a URL (https, http, file).

    Raises:
        OSError: not reachable.
    """
    return _open(sources, url)[0]


def _read_page(sources: Sources, page: str) -> list[Link]:
    if "://" not in page:
        page = Path(page).expanduser().absolute().as_uri()
    if page.startswith("file:"):
        folder = Path(urllib.request.url2pathname(urllib.parse.urlsplit(page).path))
        if not (folder / "index.html").exists():
            return [Link(path.name, path.as_uri()) for path in sorted(folder.iterdir()) if path.is_file()]
        page = (folder / "index.html").as_uri()
    content, final, kind = _open(sources, page)
    if "json" in kind:
        files = json.loads(content)["files"]
        return [Link(str(file["filename"]), _absolute(page, final, str(file["url"]))) for file in files]
    anchors = _Anchors()
    anchors.feed(content.decode("utf-8", "replace"))
    found = []
    for href in anchors.found:
        url = _absolute(page, final, urllib.parse.urljoin(anchors.start, href))
        found.append(Link(urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2]), url))
    return found


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.start = ""
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "a" and href:
            self.found.append(href)
        elif tag == "base" and href:
            self.start = href


def _absolute(page: str, final: str, href: str) -> str:
    """The link's address; files of the index's own host are fetched with the credentials of the index."""
    url = urllib.parse.urljoin(final, href)
    asked, wanted = urllib.parse.urlsplit(page), urllib.parse.urlsplit(url)
    if "@" in asked.netloc and wanted.scheme == asked.scheme and wanted.netloc == asked.netloc.rpartition("@")[2]:
        url = wanted._replace(netloc=asked.netloc).geturl()
    return url


def _open(sources: Sources, url: str) -> tuple[bytes, str, str]:
    """Content, final address and content type."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in {"https", "http", "file"}:
        raise ValueError(f"cannot read {parts.scheme}: addresses")
    login, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=host, fragment="").geturl(), headers={"Accept": ACCEPT})  # noqa: S310 - scheme checked
    user, _, password = login.partition(":")
    if login:
        user, password = urllib.parse.unquote(user), urllib.parse.unquote(password)
    elif parts.hostname:
        user, password = _netrc(parts.hostname)
    if user:
        # Unredirected: a redirect to another host must not carry the password along.
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    context = ssl.create_default_context(cafile=sources.ca_file)
    if parts.hostname in sources.insecure_hosts or parts.netloc in sources.insecure_hosts:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=context)]
    proxy = sources.uv_variables.get("HTTPS_PROXY")
    if proxy:
        handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    with urllib.request.build_opener(*handlers).open(request, timeout=sources.timeout_s) as answer:
        return answer.read(), answer.geturl(), answer.headers.get("Content-Type", "")


def _netrc(host: str) -> tuple[str, str]:
    try:
        entry = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return "", ""
    return (entry[0], entry[2] or "") if entry else ("", "")


def _without_credentials(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    return str(getattr(error, "reason", None) or error)
