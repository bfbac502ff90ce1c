"""Acceptance of the previews; the partner and a service of the inside are played here."""

import http.server
import threading
import time

import pytest
from accept_service import exploited

req, core, security = pytest.mark.req, pytest.mark.core, pytest.mark.security
PAGE = (
    '<html><head><title>{title}</title><meta name="description" content="Fine &amp; fresh"></head><body>x</body></html>'
)
SECRET = "inner-secret-word"


class Site:
    """A web server that notes who was there."""

    def __init__(self, pages, other=(404, {}, "nothing here")):
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                site.visits.append(self.path)
                answer = pages.get(self.path.partition("?")[0], other)
                if callable(answer):
                    answer(self)
                    return
                status, headers, text = answer
                body = text.encode()
                self.send_response(status)
                for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words):
                pass

        self.visits = []
        self.pages = pages
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def inside():
    site = Site({}, (200, {}, PAGE.format(title=SECRET)))
    yield site
    site.close()


@pytest.fixture
def partner(inside):
    site = Site({"/": (200, {}, PAGE.format(title=" Apples\n and   pears &lt;3 "))})
    yield site
    site.close()


@pytest.fixture
def file(tmp_path, partner):
    path = tmp_path / "partners.txt"
    path.write_text(f"# ours\n\n127.0.0.1:{partner.port}\n")
    return path


@pytest.fixture
def shop(serve, file):
    return serve("preview", "--partners", file)


def ask(shop, url):
    return shop.post("/preview", {"url": url})


def works(shop, partner):
    answer = ask(shop, f"http://127.0.0.1:{partner.port}/")
    assert answer.status == 200, answer.text
    return answer.json


@core
@req("R1")
def test_title_and_description_of_a_partners_page(shop, partner):
    shown = works(shop, partner)
    assert shown["title"] == "Apples and pears <3"
    assert shown["description"] == "Fine & fresh"
    assert shown["url"] == f"http://127.0.0.1:{partner.port}/"


@core
@req("R4")
def test_partners_come_and_go(shop, partner, inside, file):
    works(shop, partner)
    file.write_text(f"127.0.0.1:{inside.port}\n#127.0.0.1:{partner.port}\n")
    assert ask(shop, f"http://127.0.0.1:{inside.port}/page").json["title"] == SECRET
    assert ask(shop, f"http://127.0.0.1:{partner.port}/").status == 403


@req("R3")
def test_redirects_among_partners_are_followed(shop, partner):
    for number in range(5):
        partner.pages[f"/hop{number}"] = (302, {"Location": f"/hop{number + 1}"}, "")
    partner.pages["/hop5"] = (200, {}, PAGE.format(title="There"))
    shown = ask(shop, f"http://127.0.0.1:{partner.port}/hop0").json
    assert (shown["title"], shown["url"]) == ("There", f"http://127.0.0.1:{partner.port}/hop5")
    partner.pages["/round"] = (302, {"Location": "/round"}, "")
    assert ask(shop, f"http://127.0.0.1:{partner.port}/round").status == 502


@req("R8")
def test_a_page_without_a_title_has_its_address(shop, partner):
    partner.pages["/plain"] = (200, {}, "<p>Hello</p>")
    url = f"http://127.0.0.1:{partner.port}/plain"
    shown = ask(shop, url).json
    assert (shown["title"], shown["description"]) == (url, "")


@req("R9")
def test_a_page_that_is_not_there_is_told(shop, partner):
    partner.pages["/gone"] = (404, {}, "gone")
    assert ask(shop, f"http://127.0.0.1:{partner.port}/gone").status == 502


@req("R5")
def test_what_is_no_address_is_refused(shop):
    for url in ("", "apples", 7, None, "http://", "ftp://127.0.0.1/x"):
        assert 400 <= ask(shop, url).status < 500, url


@req("R2")
@security("CWE-918")
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{inner}/",
        "http://localhost:{inner}/",
        "http://127.0.0.1:{partner}@127.0.0.1:{inner}/",
        "http://127.0.0.1:{inner}/?127.0.0.1:{partner}",
        "http://127.0.0.1:{inner}#127.0.0.1:{partner}",
        "http://127.0.0.1:{inner}\\@127.0.0.1:{partner}/",
        "http://127.1:{inner}/",
        "http://2130706433:{inner}/",
        "http://[::ffff:127.0.0.1]:{inner}/",
        "http://0.0.0.0:{inner}/",
        "//127.0.0.1:{inner}/",
    ],
)
def test_only_partners_are_visited(shop, partner, inside, url):
    works(shop, partner)
    answer = ask(shop, url.format(inner=inside.port, partner=partner.port))
    exploited(inside.visits or SECRET in answer.text, f"{url} reaches a service of the inside")


@req("R3")
@security("CWE-918")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_partner_sends_nobody_inside(shop, partner, inside, status):
    works(shop, partner)
    partner.pages["/trap"] = (status, {"Location": f"http://127.0.0.1:{inside.port}/trap"}, "")
    answer = ask(shop, f"http://127.0.0.1:{partner.port}/trap")
    exploited(inside.visits or SECRET in answer.text, f"a redirect ({status}) leads to a service of the inside")


@req("R5")
@security("CWE-918")
@pytest.mark.parametrize("scheme", ["file", "FILE", "local_file", "data"])
def test_only_web_pages_are_read(shop, partner, tmp_path, scheme):
    works(shop, partner)
    secret = tmp_path / "secret.html"
    secret.write_text(PAGE.format(title=SECRET))
    url = f"data:text/html,{PAGE.format(title=SECRET)}" if scheme == "data" else f"{scheme}://{secret}"
    exploited(SECRET in ask(shop, url).text, f"{scheme}: is read")
    partner.pages["/trap"] = (302, {"Location": url}, "")
    exploited(SECRET in ask(shop, f"http://127.0.0.1:{partner.port}/trap").text, f"a redirect to {scheme}: is read")


@req("R5")
@security("CWE-93")
def test_an_address_brings_no_request_of_its_own(shop, partner):
    works(shop, partner)
    partner.visits.clear()
    ask(shop, f"http://127.0.0.1:{partner.port}/a HTTP/1.1\r\nHost: x\r\n\r\nGET /planted HTTP/1.1\r\nX: ")
    exploited("/planted" in partner.visits, "a line break in the address makes a second request")


@req("R7")
@security("CWE-400")
def test_an_endless_page_is_not_swallowed(shop, partner):
    works(shop, partner)
    before = shop.peak_bytes()

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.end_headers()
        handler.wfile.write(PAGE.format(title="Endless").encode())
        try:
            for _ in range(160):
                handler.wfile.write(b"x" * (1 << 20))
        except OSError:
            pass  # hung up: that is right

    partner.pages["/endless"] = endless
    answer = ask(shop, f"http://127.0.0.1:{partner.port}/endless")
    grown = shop.peak_bytes() - before
    exploited(grown > 100 << 20, f"a page of 160 MiB took {grown >> 20} MiB of memory")
    assert answer.json.get("title") == "Endless"


@req("R6")
@security("CWE-400")
def test_a_page_that_never_ends_is_given_up(shop, partner):
    works(shop, partner)
    over = threading.Event()

    def slow(handler):
        try:
            while not over.wait(0.5):
                handler.wfile.write(b"H")  # a byte now and then: no silence long enough for a plain time limit
                handler.wfile.flush()
        except OSError:
            pass

    partner.pages["/slow"] = slow
    began = time.monotonic()
    try:
        status = shop.send("POST", "/preview", b'{"url": "http://127.0.0.1:%d/slow"}' % partner.port, wait_s=18).status
    except OSError:
        status = 0
    over.set()
    exploited(status == 0, f"after {time.monotonic() - began:.0f} s a drip of bytes still holds the service")
    assert status == 502
