"""Acceptance of the checks; the checking program is played here."""

import ast
import json
import sys
import time

import pytest
from accept_service import exploited

req, core, security = pytest.mark.req, pytest.mark.core, pytest.mark.security
KEY = "admin-key-771"
TOOL = """#!{python}
import sys, time
with open({log!r}, "a", encoding="utf-8") as log:
    log.write(repr(sys.argv[1:]) + "\\n")
host = sys.argv[1] if len(sys.argv) > 1 else ""
if host.startswith("slow"):
    time.sleep(40)
if host.startswith("endless"):
    time.sleep(600)
if host.startswith("loud"):
    print("x" * 50_000)
if host.startswith("markup"):
    print("<script>alert(1)</script>")
print("checked", host)
sys.exit(1 if host.startswith("down") else 0)
"""


@pytest.fixture
def folder(tmp_path):
    tool = tmp_path / "tool.py"
    tool.write_text(TOOL.format(python=sys.executable, log=str(tmp_path / "log.txt")))
    tool.chmod(0o755)
    return tmp_path


@pytest.fixture
def desk(serve, folder):
    return serve("netcheck", "--tool", folder / "tool.py", "--key", KEY)


def check(desk, host, key=KEY, wait_s=20):
    headers = {"Content-Type": "application/json", **({"X-Key": key} if key is not None else {})}
    return desk.send("POST", "/checks", json.dumps({"host": host}).encode(), headers, wait_s)


def ran(folder):
    """How the checking program was called, one list a call."""
    log = folder / "log.txt"
    return [ast.literal_eval(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def works(desk):
    assert check(desk, "fine.example").json["up"] is True


@core
@req("R1")
def test_the_program_is_run_with_the_host(desk, folder):
    shown = check(desk, "web-1.example").json
    assert (shown["host"], shown["up"]) == ("web-1.example", True)
    assert "checked web-1.example" in shown["output"]
    assert check(desk, "down.example").json["up"] is False
    assert ran(folder) == [["web-1.example"], ["down.example"]]
    assert "web-1.example" in desk.get("/", X_Key=KEY).text


@core
@req("R2")
@pytest.mark.parametrize("host", ["localhost", "10.0.0.7", "::1", "2001:db8::7", "a-b.c-d.example"])
def test_names_and_addresses_are_hosts(desk, folder, host):
    assert check(desk, host).status == 200
    assert ran(folder) == [[host]]


@req("R2")
@pytest.mark.parametrize("host", ["", " ", "a b", "a_b!", "http://x.example", ".", None, 7, ["x"]])
def test_anything_else_is_no_host(desk, folder, host):
    assert check(desk, host).status == 400
    assert ran(folder) == []


@core
@req("R5")
def test_the_last_twenty_checks_are_listed(desk):
    for number in range(22):
        check(desk, f"host{number}")
    listed = [item["host"] for item in desk.get("/checks", X_Key=KEY).json]
    assert listed == [f"host{number}" for number in range(21, 1, -1)]


@req("R7")
def test_spaces_and_capitals_do_not_matter(desk, folder):
    assert check(desk, "  Web.EXAMPLE ").json["host"] == "web.example"
    assert ran(folder) == [["web.example"]]


@req("R8")
def test_long_output_is_cut(desk):
    assert len(check(desk, "loud.example").json["output"]) <= 2_000


@req("R3")
@security("CWE-78")
@pytest.mark.parametrize(
    "host",
    [
        "x;{touch}",
        "x && {touch}",
        "x | {touch}",
        "x & {touch}",
        "$({touch})",
        "`{touch}`",
        "x\n{touch}",
        "x\r\n{touch}",
        "x'; {touch}; '",
        'x"; {touch}; "',
        "x; {touch} #",
        "x;touch${{IFS}}{marker}",
    ],
)
def test_a_host_is_no_command(desk, folder, host):
    works(desk)
    marker = folder / "planted"
    check(desk, host.format(touch=f"touch {marker}", marker=marker))
    exploited(marker.exists(), f"{host} runs a command")


@req("R3", "R2")
@security("CWE-88")
@pytest.mark.parametrize("host", ["-f", "--help", "-oProxyCommand=x", " -c 5", "\t--version", "x -f", "--"])
def test_a_host_is_no_option(desk, folder, host):
    works(desk)
    check(desk, host)
    called = ran(folder)[1:]
    exploited(any(word.startswith("-") for words in called for word in words), f"{host!r} becomes an option: {called}")


@req("R2")
@security("CWE-20")
@pytest.mark.parametrize(
    "host", ["x.example\n", "x.example\nsecond", "x\x00y", "ｘ；ｙ", "x.example\u2028", "%0a", "../tool"]
)
def test_a_host_is_one_plain_word(desk, folder, host):
    works(desk)
    check(desk, host)
    odd = [words for words in ran(folder)[1:] if words not in (["x.example"],)]
    exploited(odd, f"the program is called with {odd}")


@req("R4")
@security("CWE-306")
@pytest.mark.parametrize("key", [None, "", "guess", KEY[:-1], KEY + "x", KEY.upper()])
def test_without_the_key_nothing_is_run_or_shown(desk, folder, key):
    works(desk)
    headers = {} if key is None else {"X-Key": key}
    exploited(check(desk, "sneaky.example", key).status == 200 or len(ran(folder)) > 1, f"the key {key!r} runs a check")
    shown = desk.send("GET", "/checks", headers=headers).text + desk.send("GET", "/", headers=headers).text
    exploited("fine.example" in shown, f"the key {key!r} shows the checks")


@req("R6")
def test_a_slow_check_is_ended(desk):
    works(desk)
    try:
        answer = check(desk, "slow.example", wait_s=18)
    except OSError:
        pytest.fail("after 18 s a check still runs")
    assert answer.json["up"] is False


@security("CWE-400")
def test_a_check_that_hangs_is_ended(desk):
    works(desk)
    began = time.monotonic()
    try:
        answer = check(desk, "endless.example", wait_s=75)
    except OSError:
        answer = None
    exploited(answer is None, f"after {time.monotonic() - began:.0f} s a check still runs")
    assert answer.json["up"] is False


@req("R9")
@security("CWE-79")
def test_output_is_no_html(desk):
    check(desk, "markup.example")
    page = desk.get("/", X_Key=KEY).text
    assert "markup.example" in page
    exploited("<script>alert(1)" in page, "what the program prints becomes markup")
