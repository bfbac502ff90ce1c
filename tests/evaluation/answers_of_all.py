"""A scripted model for whole evaluations: coder, analyst, tester, simulated user and judge, by what the prompt says.

It drives mechanisms only and is no evidence that a prompt works. The first argument is a file that gets one line for
every prompt: what a provider would have charged for.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "scripted"))

from answers import FIZZ, SCENARIOS, files

USER = {
    "answers": [{"id": "Q1", "rows": ["R1"], "text": "No, a word is a word."}],
    "corrections": [{"id": "A1", "rows": ["R2"], "text": "Commas separate words too."}],
}


def user(prompt: str) -> str:
    """Reacts to exactly the lines that are on the sheet."""
    shown = set(re.findall(r"^([QA]\d+): ", prompt, re.MULTILINE))
    return json.dumps({kind: [said for said in lines if said["id"] in shown] for kind, lines in USER.items()})


def judge(prompt: str) -> str:
    """Finds every line wasted but the first, and every requirement asked for."""
    lines, _, rest = prompt.partition("# What the person answered")
    lines = lines.partition("# The lines")[2]
    ids = re.findall(r"^([QA]\d+'?\d*): ", lines, re.MULTILINE)
    built = re.findall(r"^(R\d+): ", rest.partition("# Requirements in the end")[2], re.MULTILINE)
    verdicts = [{"id": id, "wishes": ["H-R1"] if not number else [], "agrees": "-"} for number, id in enumerate(ids)]
    return json.dumps({"lines": verdicts, "requirements": [{"id": id, "source": "request"} for id in built]})


def main() -> int:
    """Answer the prompt on standard input."""
    prompt = sys.stdin.read()
    with Path(sys.argv[1]).open("a") as charged:
        charged.write(prompt[:60].replace("\n", " ") + "\n")
    if "You play one particular person" in prompt:
        sys.stdout.write(user(prompt))
    elif "You examine how well somebody understood" in prompt:
        sys.stdout.write(judge(prompt))
    elif "You review what a code generator made" in prompt:
        asked = "as the reviewer asked" in prompt
        sent_back = {"verdict": "reject", "comment": "fizz.py: say who asked for it."}
        sys.stdout.write(json.dumps({"verdict": "approve"} if asked else sent_back))
    elif "You are an expert programmer" in prompt:
        sys.stdout.write(files(**{"fizz.py": FIZZ}))
    else:
        scenario = "reviewed" if "fizz" in prompt else "large"
        text = next((text for pattern, text in SCENARIOS[scenario] if re.search(pattern, prompt, re.DOTALL)), None)
        if text is None:
            sys.stderr.write("the script has no answer for: " + prompt[:300].replace("\n", " "))
            return 1
        sys.stdout.write(text if isinstance(text, str) else text[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
