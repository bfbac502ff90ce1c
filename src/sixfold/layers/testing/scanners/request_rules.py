"""Rules on what request data reaches: paths, addresses, templates, pages, queries, logs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sixfold.layers.testing.scanners.call_rules import Problem
from sixfold.layers.testing.scanners.taint import Taint, dotted, last_name
from sixfold.layers.testing.scanners.trees import nodes


def tainted_call(call: ast.Call, taint: Taint, *, html: bool = False) -> Iterator[Problem]:
    """Problems of one call whose arguments derive from a request; `html`: texts are sent as HTML by default."""
    name, verb = dotted(call.func), last_name(call.func)
    first = (
        call.args[0]
        if call.args
        else next((k.value for k in call.keywords if k.arg in ("url", "filename", "path")), None)
    )
    every = [*call.args, *(keyword.value for keyword in call.keywords)]
    tainted = first is not None and first in taint
    guarded = first is not None and taint.checked(first)
    opens = name in (
        "open",
        "io.open",
        "send_file",
        "os.remove",
        "os.unlink",
        "os.listdir",
        "shutil.rmtree",
        "FileResponse",
    )
    if (opens and tainted and not guarded) or (
        verb in ("save", "move") and any(_path_from(part, taint) for part in every)
    ):
        yield Problem(
            call, "path-traversal", "CWE-22", "a path from a request is used without keeping it inside a folder"
        )
    elif (
        verb in ("read_text", "read_bytes", "write_text", "write_bytes", "unlink", "open")
        and isinstance(call.func, ast.Attribute)
        and call.func.value in taint
        and not taint.checked(call.func.value)
        and verb != "open"
    ):
        yield Problem(call, "path-traversal", "CWE-22", "a path from a request is used without containment")
    if (
        re.match(
            r"(requests|httpx|urllib\.request|session|client)\.(get|post|put|head|request|urlopen|delete)$|urlopen$",
            name,
        )
        and tainted
        and not guarded
    ):
        yield Problem(call, "request-forgery", "CWE-918", "an address from a request is fetched unchecked")
    if verb in ("render_template_string", "from_string", "Template", "Markup") and tainted:
        cwe = "CWE-79" if verb == "Markup" else "CWE-1336"
        yield Problem(call, "template-injection", cwe, "request data becomes part of a template")
    if verb in ("make_response", "HttpResponse", "HTMLResponse") and tainted and (html or "<" in ast.unparse(call)):
        yield Problem(call, "cross-site-scripting", "CWE-79", "request data goes into HTML unescaped")
    if verb in ("redirect", "RedirectResponse", "HttpResponseRedirect") and tainted and not guarded:
        yield Problem(call, "open-redirect", "CWE-601", "the visitor decides where the answer redirects to")
    # Later arguments of `xpath` are variables, which a visitor may fill.
    asked = every if verb in ("search_s", "search_ext_s") else every[:1] if verb in ("xpath", "XPath") else []
    if any(part in taint for part in asked):
        yield Problem(call, "query-injection", "CWE-643", "request data becomes part of a query")
    if (
        name in ("subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_output")
        and tainted
        and not guarded
    ):
        yield Problem(call, "command-from-request", "CWE-88", "request data becomes part of a command", False)
    if name in ("re.compile", "re.match", "re.search", "re.findall", "re.fullmatch") and tainted:
        yield Problem(call, "pattern-from-request", "CWE-1333", "a pattern from a request can run for ever", False)
    logs = re.match(r"(logging|logger|log|app\.logger|current_app\.logger)\.(info|warning|error|debug|critical)$", name)
    if logs and any(part in taint for part in every):
        yield Problem(call, "log-injection", "CWE-117", "request data enters the log unescaped", False)
    if (
        verb in ("fromstring", "parse", "parseString", "XML")
        and re.search(r"etree|ElementTree|minidom|sax|ET\b", name)
        and tainted
    ):
        severe = "lxml" in name
        yield Problem(
            call, "xml-bomb", "CWE-776", "XML from a request is parsed without limits; use defusedxml", severe
        )


def _path_from(node: ast.AST, taint: Taint) -> bool:
    """A path made of a visitor's words, e.g. of an upload's `filename`."""
    named = any(isinstance(part, ast.Attribute) and part.attr == "filename" for part in nodes(node))
    return (
        (named or isinstance(node, (ast.Call, ast.BinOp, ast.JoinedStr, ast.Name)))
        and node in taint
        and not taint.checked(node)
    )
