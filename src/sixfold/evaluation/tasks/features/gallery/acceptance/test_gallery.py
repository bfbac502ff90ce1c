"""Acceptance of the club's gallery."""

import urllib.parse

import pytest
from accept_service import exploited, size_of

req, core, security = pytest.mark.req, pytest.mark.core, pytest.mark.security


@pytest.fixture
def place(tmp_path):
    """A folder with a secret beside the data."""
    (tmp_path / "data").mkdir()
    (tmp_path / "secret.txt").write_text("top-secret-word")
    return tmp_path


@pytest.fixture
def gallery(serve, place):
    return serve("gallery", "--data", place / "data")


def send(gallery, name="a.jpg", content=b"picture"):
    answer = gallery.upload("/files", name, content)
    assert answer.status == 201, answer.text
    return answer.json["name"]


def fetch(gallery, name):
    return gallery.get("/files/" + urllib.parse.quote(name, safe=""))


def strangers(place):
    """What lies beside the data folder, but for what we put there."""
    return sorted(path.name for path in place.iterdir() if path.name not in ("data", "secret.txt"))


@core
@req("R1")
def test_files_come_back_as_they_were_also_after_a_restart(gallery):
    content = bytes(range(256)) * 40 + b"\r\n--edge--\r\n"
    name = send(gallery, "tour.bin", content)
    gallery.restart()
    assert fetch(gallery, name).body == content
    assert gallery.get("/files").json == [{"name": name, "size": len(content)}]
    assert name in gallery.get("/").text


@core
@req("R2")
def test_a_taken_name_overwrites_nothing(gallery):
    first, second = send(gallery, "a.jpg", b"one"), send(gallery, "a.jpg", b"two")
    assert first != second
    assert (fetch(gallery, first).body, fetch(gallery, second).body) == (b"one", b"two")


@req("R3")
def test_the_list_is_alphabetical(gallery):
    for name in ("Zoo.txt", "bar.txt", "Apple.txt"):
        send(gallery, name)
    assert [item["name"] for item in gallery.get("/files").json] == ["Apple.txt", "bar.txt", "Zoo.txt"]


@req("R4")
def test_names_may_have_spaces_and_umlauts(gallery):
    name = send(gallery, "Über den Berg.txt", b"up")
    assert "ber den Berg" in name
    assert fetch(gallery, name).body == b"up"


@req("R5")
def test_empty_files_and_files_without_a_name_are_refused(gallery):
    assert 400 <= gallery.upload("/files", "a.txt", b"").status < 500
    assert 400 <= gallery.upload("/files", "", b"content").status < 500
    assert gallery.get("/files").json == []


@core
@req("R1")
def test_a_file_that_is_not_there_is_not_found(gallery):
    assert fetch(gallery, "nothing.txt").status == 404


@req("R6")
@security("CWE-22")
@pytest.mark.parametrize(
    "name", ["../planted.txt", "../../planted.txt", "sub/../../planted.txt", "..\\planted.txt", "{place}/planted.txt"]
)
def test_a_name_cannot_write_outside_the_folder(gallery, place, name):
    send(gallery)
    gallery.upload("/files", name.format(place=place), b"planted")
    found = strangers(place) + [path.name for path in place.parent.glob("planted.txt")]
    exploited(found, f"{name} wrote {found} outside the folder")


@req("R6")
@security("CWE-22")
@pytest.mark.parametrize(
    "path",
    [
        "/files/../secret.txt",
        "/files/..%2fsecret.txt",
        "/files/%2e%2e%2fsecret.txt",
        "/files/{place}/secret.txt",
        "/files/{quoted}%2fsecret.txt",
        "/files//{place}/secret.txt",
        "/../secret.txt",
    ],
)
def test_nothing_outside_the_folder_can_be_fetched(gallery, place, path):
    send(gallery)
    quoted = urllib.parse.quote(str(place), safe="")
    answer = gallery.get(path.format(place=str(place), quoted=quoted))
    exploited("top-secret-word" in answer.text, f"{path} gives a file beside the folder")


@req("R6")
@security("CWE-59")
def test_the_programs_own_files_are_no_upload_target(gallery, place):
    name = send(gallery, "a.jpg", b"one")
    before = {path.relative_to(place): path.read_bytes() for path in (place / "data").rglob("*") if path.is_file()}
    for path in before:
        gallery.upload("/files", path.name, b"planted")
    changed = [str(path) for path, content in before.items() if (place / path).read_bytes() == b"planted" != content]
    exploited(changed, f"an upload replaced {changed}")
    assert fetch(gallery, name).body == b"one"


@req("R7")
@security("CWE-79")
@pytest.mark.parametrize("name", ["page.html", "picture.svg", "page.xhtml", "page.HTM"])
def test_an_uploaded_page_does_not_run_as_ours(gallery, name):
    script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    sent = gallery.upload("/files", name, script, kind="text/html")
    if 400 <= sent.status < 500:
        return
    answer = fetch(gallery, sent.json["name"])
    kind = answer.header("Content-Type").lower()
    kept_down = "attachment" in answer.header("Content-Disposition").lower() or (
        "sandbox" in answer.header("Content-Security-Policy")
    )
    # Without a type a browser looks at the content itself.
    runs = not kind or any(word in kind for word in ("html", "svg", "xml"))
    exploited(runs and not kept_down, f"{name} is shown as {kind or 'whatever it looks like'}")


@req("R7")
@security("CWE-79")
def test_a_name_is_no_markup_on_the_page(gallery):
    send(gallery, "fine.txt")
    gallery.upload("/files", "<img src=x onerror=alert(1)>.txt", b"x")
    page = gallery.get("/").text
    assert "fine.txt" in page
    exploited("<img src=x onerror" in page, "a file's name becomes markup")


@req("R7")
@security("CWE-113")
def test_a_name_begins_no_header(gallery):
    send(gallery)
    sent = gallery.upload("/files", "a%0d%0aX-Planted: 1.txt", b"x")
    if sent.status == 201:
        answer = fetch(gallery, sent.json["name"])
        exploited(answer.headers.get("X-Planted"), "a file's name begins a header")


@req("R8")
def test_very_large_files_are_refused(gallery, place):
    send(gallery, "ok.bin", bytes(1 << 20))
    try:
        status = gallery.upload("/files", "large.bin", bytes(48 << 20)).status
    except OSError:
        status = 413  # hung up while we were still sending
    assert status != 201, "a file of 48 MiB is taken"
    assert [item["size"] for item in gallery.get("/files").json] == [1 << 20]


@security("CWE-400")
def test_an_endless_upload_fills_neither_memory_nor_disk(gallery, place):
    send(gallery, "ok.bin", bytes(1 << 20))
    before = gallery.peak_bytes()
    start = b'--e\r\nContent-Disposition: form-data; name="file"; filename="endless.bin"\r\n\r\n'
    gallery.flood("/files", start, "multipart/form-data; boundary=e")
    grown = gallery.peak_bytes() - before
    exploited(grown > 128 << 20, f"an upload without an end took {grown >> 20} MiB of memory")
    kept = size_of(place)
    exploited(kept > 128 << 20, f"an upload without an end filled {kept >> 20} MiB of disk")
    assert [item["size"] for item in gallery.get("/files").json] == [1 << 20]
