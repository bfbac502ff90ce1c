"""Data that reaches a shell, `eval` or a page's markup is found in scripts; constant and escaped text is left alone."""

from __future__ import annotations

import pytest

from sixfold.layers.testing.scanners.script_rules import blanked, find_in_script

PROCESS = "import { exec, spawn } from 'node:child_process';\n"


def found(source: str, path: str = "web/app.js") -> list[tuple[str, str]]:
    return [(one.rule, one.severity) for one in find_in_script(path, source.encode())]


@pytest.mark.parametrize(
    ("source", "rule", "severity"),
    [
        ("eval(input.value);", "evaluated-data", "error"),
        ("const f = new Function('a', body);", "evaluated-data", "error"),
        ("box.innerHTML = `<b>${name}</b>`;", "raw-markup", "error"),
        ("box.innerHTML = '<b>' + user.name + '</b>'", "raw-markup", "error"),
        ("box.innerHTML += items.map((one) => `<li>${one.title}</li>`).join('');", "raw-markup", "error"),
        ("box.insertAdjacentHTML('beforeend', `<li>${text}</li>`);", "raw-markup", "error"),
        ("document.write('<p>' + location.hash + '</p>');", "raw-markup", "error"),
        ("box.innerHTML = html;", "raw-markup", "warning"),
        ("const a = <p dangerouslySetInnerHTML={{ __html: `<b>${name}</b>` }} />;", "raw-markup", "error"),
        (f"{PROCESS}exec(`ls ${{folder}}`);", "shell-command", "error"),
        (f"{PROCESS}exec(command);", "shell-command", "warning"),
        (f"{PROCESS}spawn(program, [], {{ shell: true }});", "shell-command", "error"),
    ],
)
def test_data_that_becomes_code_markup_or_a_command_is_found(source: str, rule: str, severity: str) -> None:
    assert found(source) == [(rule, severity)]


@pytest.mark.parametrize(
    "source",
    [
        "box.innerHTML = '';",
        "box.innerHTML = '<b>fixed</b>' + \"<i>too</i>\";",
        "box.innerHTML = `<b>${escapeHtml(name)}</b>`;",
        "box.innerHTML = `<b>${items.length} of ${total}</b>`;",
        "box.innerHTML = `<b class=\"${open ? 'open' : 'shut'}\">fixed</b>`;",
        "box.innerHTML = DOMPurify.sanitize(text);",
        "if (box.innerHTML === name) { count(); }",
        "box.textContent = `<b>${name}</b>`;",
        "// box.innerHTML = `${name}`; eval(x)\n/* eval(y) */",
        "const help = 'never eval(x) or innerHTML = y';",
        "const pattern = /eval(x)['\"]/; call(pattern);",
        "parser.eval(expression); retrieval(evaluation);",
        "const hit = /a(b)/.exec(text); pattern.exec(text + more);",
        f"{PROCESS}exec('git status'); spawn('git', ['log', name]);",
        f"{PROCESS}const hit = pattern.exec(text + more);",
        "box.innerHTML = `<b>${count} ${rowIndex}</b>`;",
        "eval('1 + 1');",
    ],
)
def test_constant_escaped_or_unrelated_text_is_no_finding(source: str) -> None:
    assert found(source) == []


def test_tests_types_and_other_files_are_left_alone() -> None:
    for path in ("web/app.test.js", "web/tests/a.js", "web/app.d.ts", "web/app.min.js", "a.py"):
        assert found("eval(x)", path) == []


def test_blanking_keeps_length_lines_and_what_templates_hold() -> None:
    source = "a = `x ${b + `y ${c}`} z`; // d\n'e\\'f' /g[/]h/\n"
    shown = blanked(source)
    assert (len(shown), shown.count("\n")) == (len(source), 2)
    assert "b +" in shown
    assert "${c}" in shown
    assert not {"x", "y", "z", "d", "e", "f"} & set(shown)
