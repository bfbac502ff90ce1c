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


def route(body: str, head: str = "") -> str:
    return f"{head}app.get('/x', async (req, res) => {{\n{body}\n}});\n"


@pytest.mark.parametrize(
    ("source", "rule", "severity"),
    [
        (route("fs.readFile(path.join(BASE, req.params.name), done);"), "path-traversal", "error"),
        (route("const { name } = req.query;\nres.sendFile(BASE + name);"), "path-traversal", "error"),
        (
            route("const file: string = req.query.file;\ncreateReadStream(`${BASE}/${file}`);"),
            "path-traversal",
            "error",
        ),
        (route("res.redirect(req.query.next || '/');"), "open-redirect", "error"),
        (route("res.redirect(302, req.query.next);"), "open-redirect", "error"),
        (route("await fetch(req.body.url);"), "request-forgery", "error"),
        (route("const url = req.query.url;\naxios.get(`${url}/feed`);"), "request-forgery", "error"),
        (route("_.merge(settings, req.body);"), "prototype-pollution", "error"),
        (route("const p = new RegExp(req.query.q);"), "pattern-from-request", "warning"),
        (route("res.send(`<h1>${req.query.name}</h1>`);"), "raw-markup", "error"),
        (route("res.status(404).send('<p>' + req.params.id + '</p>');"), "raw-markup", "error"),
        (route("db.query('SELECT * FROM t WHERE a = ' + req.params.a);"), "sql-injection", "error"),
        ("function f(db, name) { return db.all(`SELECT * FROM t WHERE a = '${name}'`); }", "sql-injection", "error"),
        ("const agent = new https.Agent({ rejectUnauthorized: false });", "no-certificate-check", "error"),
        ("process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';", "no-certificate-check", "error"),
        ("const token = Math.random().toString(36);", "guessable-secret", "error"),
        ("user.resetToken = prefix + Math.random();", "guessable-secret", "error"),
        ("createHash('sha256').update(user.password).digest('hex');", "fast-password-hash", "error"),
    ],
)
def test_request_data_and_weak_settings_of_a_server_are_found(source: str, rule: str, severity: str) -> None:
    assert found(source) == [(rule, severity)]


@pytest.mark.parametrize(
    "source",
    [
        route("fs.readFile(path.join(BASE, path.basename(req.params.name)), done);"),
        route("const { name } = req.query;\nif (!NAMES.includes(name)) return;\nres.sendFile(BASE + name);"),
        route("if (!NAMES.has(req.query.name)) return;\nres.sendFile(BASE + req.query.name);"),
        route(
            "const file = path.resolve(BASE, req.params.f);\nif (!file.startsWith(BASE)) return;\nfs.readFile(file, d);"
        ),
        route("res.redirect('/done');"),
        route("res.redirect(`/items/${encodeURIComponent(req.params.id)}`);"),
        route("await fetch(`https://api.example/items/${req.params.id}`);"),
        route("await fetch('https://api.example/', { method: 'POST', body: JSON.stringify(req.body) });"),
        route("res.send({ name: req.query.name });"),
        route("res.json(req.body);"),
        route("res.send(`<h1>${escapeHtml(req.query.name)}</h1>`);"),
        route("db.query('SELECT * FROM t WHERE a = ?', [req.params.a]);"),
        route("const p = new RegExp(escapeRegExp(req.query.q));"),
        "db.query(`SELECT * FROM t WHERE id IN (${ids.map(() => '?').join(',')})`, ids);",
        "db.query(`SELECT * FROM ${TABLE} WHERE a = ?`, [a]);",
        "db.query(`SELECT a FROM t WHERE ${where} LIMIT ${Number(n)}`, values);",
        "log.get(`select one from ${list.length}`);",
        "const agent = new https.Agent({ rejectUnauthorized: true });",
        "const delay = Math.random() * 100;\nconst token = crypto.randomUUID();",
        "const tokens = words.filter(() => Math.random() > 0.5);",
        "createHash('sha256').update(content).digest('hex');",
        "// fetch(req.query.url)\nconst text = 'res.redirect(req.query.next)';",
    ],
)
def test_tested_escaped_or_constant_data_of_a_server_is_no_finding(source: str) -> None:
    assert found(source) == []
