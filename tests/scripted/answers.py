"""A scripted model as a program: prompt on stdin, answer on stdout, for `-m "command:python answers.py SCENARIO"`.

It drives mechanisms only (steps, crashes, reviews, gates) and is no evidence that a prompt works. Each scenario is a
list of (pattern that must stand in the prompt, answer); the first match answers, a prompt without a match fails.
An answer that is a list holds one text for each sample of the same prompt.
A second argument is a file that gets one line for every prompt: what a provider would have charged for.
"""

from __future__ import annotations

import json
import re
import sys
from hashlib import sha256
from pathlib import Path

SMALL_SPEC = {
    "title": "Add fizz",
    "requirements": [
        {
            "id": "R1",
            "text": "WHEN fizz(n) is called, THE SYSTEM SHALL return Fizz for multiples of 3, Buzz of 5, FizzBuzz of"
            " both, else the number as text",
            "examples": [
                {
                    "id": "R1.E1",
                    "title": "both",
                    "steps": [{"call": "fizz.fizz(15)", "expect": {"value": "'FizzBuzz'"}}],
                },
                {"id": "R1.E2", "title": "plain", "steps": [{"call": "fizz.fizz(7)", "expect": {"value": "'7'"}}]},
            ],
        }
    ],
    "entries": [{"name": "fizz", "kind": "library", "module": "fizz"}],
    "interface": "fizz.fizz(n: int) -> str",
    "assumptions": [{"id": "A1", "text": "0 counts as a multiple of both"}],
}

FIZZ = '''\
def fizz(n: int) -> str:
    """Fizz for multiples of 3, Buzz of 5."""
    return ("Fizz" * (n % 3 == 0) + "Buzz" * (n % 5 == 0)) or str(n)
'''
BROKEN_FIZZ = FIZZ.replace("n % 5", "n % 7")
FIZZ_TEST = """\
from fizz import fizz


def test_multiples_of_three_and_five():
    assert fizz(15) == "FizzBuzz"


def test_other_numbers():
    assert fizz(7) == "7"
"""
FIZZ_ACCEPTANCE = """\
import pytest


@pytest.mark.req("R1")
@pytest.mark.parametrize("n, text", [(3, "Fizz"), (5, "Buzz"), (30, "FizzBuzz"), (7, "7")])
def test_each_kind_of_number(call, n, text):
    assert call(f"fizz.fizz({n})") == text
"""

LARGE_SPEC = {
    "title": "Count words",
    "summary": "A word counter as a library and a command.",
    "requirements": [
        {
            "id": "R1",
            "text": "WHEN count(text) is called, THE SYSTEM SHALL return how often each word occurs, lower-cased",
            "examples": [
                {
                    "id": "R1.E1",
                    "title": "twice",
                    "entry": "words",
                    "steps": [{"call": "words.count('A b a')", "expect": {"value": "{'a': 2, 'b': 1}"}}],
                }
            ],
        },
        {
            "id": "R2",
            "text": "WHEN the command gets text on standard input, THE SYSTEM SHALL print one line `word count` per"
            " word, sorted by word",
            "examples": [
                {
                    "id": "R2.E1",
                    "title": "sorted",
                    "entry": "cli",
                    "steps": [{"argv": [], "stdin": "b a b", "expect": {"exit": 0, "stdout": "a 1\nb 2\n"}}],
                }
            ],
        },
    ],
    "entries": [
        {"name": "words", "kind": "library", "module": "words"},
        {"name": "cli", "kind": "cli", "start": ["python", "wordcount.py"]},
    ],
    "interface": "words.count(text: str) -> dict[str, int]; python wordcount.py < text",
    "questions": [
        {
            "id": "Q1",
            "text": "Does case matter?",
            "why": "It changes every count.",
            "options": [
                {"value": "no", "consequence": "words are lower-cased"},
                {"value": "yes", "consequence": "A and a are counted apart"},
            ],
            "default": "no",
        }
    ],
    "assumptions": [{"id": "A1", "text": "words are separated by white space"}],
    "size": "large",
}

LEDGER = {
    "title": "Count words",
    "summary": "A word counter as a library and a command.",
    "questions": [{**LARGE_SPEC["questions"][0], "wrong": 0.5, "cost": 3}],
    "lines": [
        {"text": "Words: separated by white space; punctuation belongs to the word", "wrong": 0.3, "cost": 2},
        {"text": "Output: one line a word; sorted by word", "instead": "most frequent first", "wrong": 0.2, "cost": 1},
    ],
}
WRITTEN_SPEC = {
    **{key: value for key, value in LARGE_SPEC.items() if key != "questions"},
    "assumptions": [{"id": "A1", "requirements": ["R1"]}, {"id": "A2", "requirements": ["R2"]}],
}

PLAN = {
    "reason": "library and command",
    "contracts": [{"id": "C1", "kind": "python", "text": "words.count(text: str) -> dict[str, int]"}],
    "tasks": [
        {
            "id": "T1",
            "title": "Count words",
            "goal": "The library",
            "role": "back end",
            "files": ["words.py", "tests/test_words.py"],
            "provides": ["C1"],
            "consumes": [],
            "requirements": ["R1"],
            "check": ["tests/test_words.py"],
        },
        {
            "id": "T2",
            "title": "The command",
            "goal": "The command line",
            "role": "coder",
            "files": ["wordcount.py", "tests/test_wordcount.py"],
            "provides": [],
            "consumes": ["C1"],
            "requirements": ["R2"],
            "check": ["tests/test_wordcount.py"],
        },
    ],
}

WORDS = '''\
"""Counting words."""

from collections import Counter


def count(text: str) -> dict[str, int]:
    """How often each word occurs."""
    return dict(Counter(text.lower().split()))
'''
BROKEN_WORDS = WORDS.replace("text.lower()", "text")
WORDS_TEST = """\
from words import count


def test_case_does_not_matter():
    assert count("A b a") == {"a": 2, "b": 1}
"""
COMMAND = '''\
"""Print how often each word of standard input occurs."""

import sys

from words import count


def lines(text):
    return [f"{word} {number}" for word, number in sorted(count(text).items())]


if __name__ == "__main__":
    print("\\n".join(lines(sys.stdin.read())))
'''
COMMAND_TEST = """\
from wordcount import lines


def test_lines_are_sorted_by_word():
    assert lines("b a b") == ["a 1", "b 2"]
"""
WORDS_ACCEPTANCE = """\
import pytest


@pytest.mark.req("R1")
def test_words_are_counted_without_case(call):
    assert call("words.count('x X y')") == {"x": 2, "y": 1}


@pytest.mark.req("R2")
def test_lines_come_sorted(cli):
    assert cli(stdin="z y z").stdout.split() == ["y", "1", "z", "2"]
"""
WRONG_ACCEPTANCE = WORDS_ACCEPTANCE.replace('{"x": 2, "y": 1}', '{"X": 2, "y": 1}')


def answer_json(value: object) -> str:
    return f"```json\n{json.dumps(value, indent=1)}\n```"


def files(**contents: str) -> str:
    return "\n".join(f'<file path="{path}">\n{text}</file>' for path, text in contents.items())


def python(source: str) -> str:
    return f"```python\n{source}```"


SMALL = [
    (
        "one small programming job",
        answer_json(SMALL_SPEC) + "\n" + files(**{"fizz.py": FIZZ, "test_fizz.py": FIZZ_TEST}),
    ),
    ("you write the acceptance tests", python(FIZZ_ACCEPTANCE)),
]
REPAIRED = [
    (
        "one small programming job",
        answer_json(SMALL_SPEC) + "\n" + files(**{"fizz.py": BROKEN_FIZZ, "test_fizz.py": FIZZ_TEST}),
    ),
    ("does not pass yet", files(**{"fizz.py": FIZZ})),
    ("you write the acceptance tests", python(FIZZ_ACCEPTANCE)),
]
SPREAD_FIZZ = (
    FIZZ
    + """

def publish(path: str) -> None:
    import os

    os.chmod(path, 0o777)
"""
)
DECLINED = [
    (REPAIRED[0][0], REPAIRED[0][1].replace(BROKEN_FIZZ, SPREAD_FIZZ)),
    ("<nothing>.*does not pass yet", "<nothing>The folder is meant for everybody.</nothing>"),
    REPAIRED[2],
]
IN_DENIAL = [
    REPAIRED[0],
    ("does not pass yet", "<nothing>The tests are wrong.</nothing>"),
    ("architect of a plan", answer_json({"change": "give_up", "reason": "the coder does not follow the evidence"})),
    ("Earlier attempts|You do exactly one task", files(**{"fizz.py": BROKEN_FIZZ})),
    REPAIRED[2],
]
GIVE_UP = (
    "architect of a plan",
    answer_json({"change": "give_up", "reason": "the coder does not follow the evidence"}),
)
HOPELESS = [
    GIVE_UP,
    REPAIRED[0],
    ("does not pass yet|Earlier attempts|You do exactly one task", files(**{"fizz.py": BROKEN_FIZZ})),
    REPAIRED[2],
]
REVIEWED = [
    ("A reviewer rejected|Do what|reviewer asked", files(**{"fizz.py": FIZZ + "\n# as the reviewer asked\n"})),
    *SMALL,
]
COMMON_LARGE = [
    ("T1: Count words.*does not pass yet", files(**{"words.py": WORDS})),
    ("T1: Count words", files(**{"words.py": BROKEN_WORDS, "tests/test_words.py": WORDS_TEST})),
    ("T2: The command", files(**{"wordcount.py": COMMAND, "tests/test_wordcount.py": COMMAND_TEST})),
    ("task graph|into tasks|contracts", answer_json(PLAN)),
]
SPECIFY = [
    ("you write the acceptance tests", python(WORDS_ACCEPTANCE)),
    ("make every decision they left open", "words: order open → sorted\n" + answer_json(LEDGER)),
    ("the decisions that were made about it", answer_json(WRITTEN_SPEC)),
    ("rewrite a software specification", answer_json(WRITTEN_SPEC)),
]
LARGE = [*SPECIFY, *COMMON_LARGE]
DISPUTED = [
    (
        "You wrote acceptance tests",
        answer_json(
            {
                "verdicts": [
                    {
                        "name": "test_words_are_counted_without_case",
                        "verdict": "corrected",
                        "reason": "R1 says lower-cased",
                        "test": '@pytest.mark.req("R1")\ndef test_words_are_counted_without_case(call):\n'
                        "    assert call(\"words.count('x X y')\") == {'x': 2, 'y': 1}\n",
                    }
                ]
            }
        ),
    ),
    ("you write the acceptance tests", python(WRONG_ACCEPTANCE)),
    *LARGE[1:],
]
PARALLEL_PLAN = {
    "reason": "two libraries side by side, then the command",
    "contracts": [
        {"id": "C1", "kind": "python", "text": "words.count(text: str) -> dict[str, int]"},
        {"id": "C2", "kind": "python", "text": "layout.lines(counts: dict[str, int]) -> list[str]"},
    ],
    "tasks": [
        PLAN["tasks"][0],
        {
            "id": "T2",
            "title": "Lay lines out",
            "goal": "One line a word",
            "role": "coder",
            "files": ["layout.py", "tests/test_layout.py"],
            "provides": ["C2"],
            "consumes": [],
            "requirements": ["R2"],
            "check": ["tests/test_layout.py"],
        },
        {
            "id": "T3",
            "title": "The command",
            "goal": "The command line",
            "role": "coder",
            "files": ["wordcount.py", "tests/test_wordcount.py"],
            "provides": [],
            "consumes": ["C1", "C2"],
            "requirements": ["R2"],
            "check": ["tests/test_wordcount.py"],
        },
    ],
}
LAYOUT = '''\
"""Words as lines."""


def lines(counts):
    """`word count` per word, sorted by word."""
    return [f"{word} {number}" for word, number in sorted(counts.items())]
'''
LAYOUT_TEST = """\
from layout import lines


def test_lines_are_sorted_by_word():
    assert lines({"b": 2, "a": 1}) == ["a 1", "b 2"]
"""
JOINED = '''\
"""Print how often each word of standard input occurs."""

import sys

from layout import lines
from words import count

if __name__ == "__main__":
    print("\\n".join(lines(count(sys.stdin.read()))))
'''
JOINED_TEST = """\
import wordcount


def test_the_command_counts_and_lays_out():
    assert wordcount.lines(wordcount.count("b a b")) == ["a 1", "b 2"]
"""
PARALLEL = [
    *SPECIFY,
    COMMON_LARGE[0],
    COMMON_LARGE[1],
    ("T2: Lay lines out", files(**{"layout.py": LAYOUT, "tests/test_layout.py": LAYOUT_TEST})),
    ("T3: The command", files(**{"wordcount.py": JOINED, "tests/test_wordcount.py": JOINED_TEST})),
    ("task graph|into tasks|contracts", answer_json(PARALLEL_PLAN)),
]
# Right for every number its own tests know, and wrong for others: only tests from outside can tell.
HALF_FIZZ = FIZZ.replace('return ("Fizz"', 'return "Fizz" if n == 30 else ("Fizz"')
FALSE_CONFIDENCE = [
    (
        "one small programming job",
        answer_json(SMALL_SPEC) + "\n" + files(**{"fizz.py": HALF_FIZZ, "test_fizz.py": FIZZ_TEST}),
    ),
    (
        "You wrote acceptance tests",
        answer_json({"verdicts": [{"name": "test_each_kind_of_number", "verdict": "upheld", "reason": "R1"}]}),
    ),
    ("tested from outside", files(**{"fizz.py": FIZZ})),
    SMALL[1],
]

UNTESTED = [
    ("one small programming job", answer_json(SMALL_SPEC) + "\n" + files(**{"fizz.py": FIZZ})),
    SMALL[1],
]

# Stuck on one fault, also afresh; of three other samples one crashes on nothing, and two say the same.
LAZY_FIZZ = FIZZ.replace("or str(n)", "or str(n) if n > 1 else str(n + 1)")
SAMPLED = [
    REPAIRED[0],
    ("does not pass yet|Earlier attempts", files(**{"fizz.py": BROKEN_FIZZ})),
    REPAIRED[2],
    (
        "You do exactly one task",
        [
            files(**{"fizz.py": LAZY_FIZZ, "test_fizz.py": FIZZ_TEST}),
            files(**{"fizz.py": FIZZ, "test_fizz.py": FIZZ_TEST}),
            files(**{"fizz.py": FIZZ.replace("(n: int)", "(n: int) "), "test_fizz.py": FIZZ_TEST}),
        ],
    ),
]

# The expert, for a task that the coder of HOPELESS never solves.
RESCUED = [("You do exactly one task.*Earlier attempts", files(**{"fizz.py": FIZZ, "test_fizz.py": FIZZ_TEST}))]

# Three readings of one meaning, drawn because the request gives no example; the first one's own test is wrong.
READINGS = [
    (
        "one small programming job",
        [
            answer_json(SMALL_SPEC)
            + "\n"
            + files(**{"fizz.py": source, "test_fizz.py": FIZZ_TEST.replace('== "7"', f"== {seven!r}")})
            for source, seven in ((FIZZ, "8"), (FIZZ.replace("of 5.", "of 5, else n."), "7"), (FIZZ, "7"))
        ],
    ),
    SMALL[1],
]

# The same product, and what a person makes of it who corrects A2 (the order of the lines), early or late.
BY_COUNT = "most frequent first"
SPEC_BY_COUNT = {
    **WRITTEN_SPEC,
    "requirements": [
        WRITTEN_SPEC["requirements"][0],
        {
            "id": "R2",
            "text": f"WHEN the command gets text on standard input, THE SYSTEM SHALL print a line a word, {BY_COUNT}",
            "examples": [
                {
                    "id": "R2.E1",
                    "title": BY_COUNT,
                    "entry": "cli",
                    "steps": [{"argv": [], "stdin": "b a b", "expect": {"exit": 0, "stdout": "b 2\na 1\n"}}],
                }
            ],
        },
    ],
    "assumptions": [
        {"id": "A1", "text": "Words: separated by white space", "requirements": ["R1"]},
        {"id": "A2", "text": f"Output: one line a word; {BY_COUNT}", "requirements": ["R2"]},
    ],
}
COMMAND_BY_COUNT = COMMAND.replace(
    "sorted(count(text).items())", "sorted(count(text).items(), key=lambda item: (-item[1], item[0]))"
)
COMMAND_BY_COUNT_TEST = COMMAND_TEST.replace("sorted_by_word", "sorted_by_count").replace(
    '["a 1", "b 2"]', '["b 2", "a 1"]'
)
BY_COUNT_FILES = files(**{"wordcount.py": COMMAND_BY_COUNT, "tests/test_wordcount.py": COMMAND_BY_COUNT_TEST})
COUNTED_FIRST = """\
import pytest


@pytest.mark.req("R2")
def test_the_most_frequent_comes_first(cli):
    assert cli(stdin="z y z").stdout.split() == ["z", "2", "y", "1"]
"""
CORRECTED = [
    ("Only R2 changed", python(COUNTED_FIRST)),
    (
        f"you write the acceptance tests.*{BY_COUNT}",
        python(COUNTED_FIRST + WORDS_ACCEPTANCE.split("\n\n\n")[1].join(["\n\n", "\n"])),
    ),
    (f"the decisions that were made about it.*prevails: {BY_COUNT}", answer_json(SPEC_BY_COUNT)),
    (f"rewrite a software specification.*{BY_COUNT}", answer_json(SPEC_BY_COUNT)),
    ("Since then the person decided", BY_COUNT_FILES),
    (f"T2: The command.*{BY_COUNT}", BY_COUNT_FILES),
    *LARGE,
]

# A clear request about which there is something to decide and nothing to ask.
QUIET = [
    (
        "make every decision they left open",
        answer_json({"title": "Add fizz", "lines": [{"text": "Zero: a multiple of both", "wrong": 0.1, "cost": 1}]}),
    ),
    (
        "the decisions that were made about it",
        answer_json({**SMALL_SPEC, "assumptions": [{"id": "A1", "requirements": ["R1"]}]}),
    ),
    SMALL[1],
    ("T1: ", files(**{"fizz.py": FIZZ, "test_fizz.py": FIZZ_TEST})),
]

WEB_SPEC = {
    "title": "Show the total of a price list",
    "requirements": [
        {
            "id": "R1",
            "text": "WHEN /api/items is asked for, THE SYSTEM SHALL answer the price list as JSON",
            "examples": [
                {
                    "id": "R1.E1",
                    "title": "list",
                    "entry": "web",
                    "steps": [{"path": "/api/items", "expect": {"status": 200, "json": [{"price": 2}, {"price": 3}]}}],
                }
            ],
        }
    ],
    "entries": [{"name": "web", "kind": "service", "start": ["python", "server.py", "{port}"], "health": "/api/items"}],
    "interface": "GET /api/items: a list of objects with price; GET /: the page",
    "assumptions": [],
}
SERVER = '''\
"""A price list as JSON, and the page that adds it up."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ITEMS = [{"price": 2}, {"price": 3}]
WEB = Path(__file__).parent / "web"
PAGE, SCRIPT = (WEB / "index.html").read_bytes(), (WEB / "total.mjs").read_bytes()


def items():
    """The price list."""
    return ITEMS


class Handler(BaseHTTPRequestHandler):
    """Answers the page, its script and the list."""

    def do_GET(self):
        """Answer one request."""
        if self.path == "/api/items":
            self._send(200, "application/json", json.dumps(items()).encode())
        elif self.path == "/":
            self._send(200, "text/html", PAGE)
        elif self.path == "/total.mjs":
            self._send(200, "text/javascript", SCRIPT)
        else:
            self._send(404, "text/plain", b"not found")

    def _send(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Be quiet."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
'''
SERVER_TEST = """\
from server import items


def test_items():
    assert [item["price"] for item in items()] == [2, 3]
"""
TOTAL = """\
export function total(items) {
  return items.reduce((sum, item) => sum + item.price, 0);
}

export async function load(place) {
  const answer = await fetch('/api/items');
  place.textContent = String(total(await answer.json()));
}
"""
TOTAL_TEST = """\
import assert from 'node:assert/strict';
import test from 'node:test';

import { total } from './total.mjs';

test('adds prices', () => {
  assert.equal(total([{ price: 2 }, { price: 3 }]), 5);
});
"""
PAGE = """\
<!doctype html>
<title>Total</title>
<p id="total"></p>
<script type="module">
  import { load } from './total.mjs';
  load(document.getElementById('total'));
</script>
"""
WEB_ACCEPTANCE = """\
import pytest


@pytest.mark.req("R1")
def test_the_list_is_json(service):
    assert service.get("/api/items").json() == [{"price": 2}, {"price": 3}]


@pytest.mark.req("R1")
def test_an_unknown_page_is_not_found(service):
    assert service.get("/nothing").status == 404
"""
WEB = [
    (
        "one small programming job",
        answer_json(WEB_SPEC)
        + "\n"
        + files(
            **{
                "server.py": SERVER,
                "test_server.py": SERVER_TEST,
                "web/index.html": PAGE,
                "web/total.mjs": TOTAL.replace("sum + item.price", "sum - item.price"),
                "web/total.test.mjs": TOTAL_TEST,
            }
        ),
    ),
    ("does not pass yet", files(**{"web/total.mjs": TOTAL})),
    ("you write the acceptance tests", python(WEB_ACCEPTANCE)),
]

SCENARIOS = {
    "web": WEB,
    "sampled": SAMPLED,
    "readings": READINGS,
    "rescued": RESCUED,
    "quiet": QUIET,
    "corrected": CORRECTED,
    "untested": UNTESTED,
    "false-confidence": FALSE_CONFIDENCE,
    "small": SMALL,
    "repaired": REPAIRED,
    "hopeless": HOPELESS,
    "declined": DECLINED,
    "in-denial": IN_DENIAL,
    "reviewed": REVIEWED,
    "large": LARGE,
    "parallel": PARALLEL,
    "disputed": DISPUTED,
}


def turn(place: str, most: int) -> int:
    """Which of several answers to the same prompt is next; samples are asked side by side, each gets another."""
    for number in range(most):
        try:
            Path(f"{place}.{number}").touch(exist_ok=False)
        except FileExistsError:
            continue
        return number
    raise SystemExit("every sample was given already")


def main() -> int:
    prompt = sys.stdin.read()
    if len(sys.argv) > 2:
        with Path(sys.argv[2]).open("a") as charged:
            charged.write(sha256(prompt.encode()).hexdigest() + "\n")
    for pattern, text in SCENARIOS[sys.argv[1]]:
        if re.search(pattern, prompt, re.DOTALL):
            sys.stdout.write(text if isinstance(text, str) else text[turn(sys.argv[2], len(text))])
            return 0
    sys.stderr.write("the script has no answer for: " + prompt[:300].replace("\n", " "))
    return 1


if __name__ == "__main__":
    sys.exit(main())
