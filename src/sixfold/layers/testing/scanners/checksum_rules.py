"""A checksum in the place of a digest (CWE-354): a signature covers only a sum, which other data meet as well."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sixfold.layers.testing.scanners.call_rules import Problem
from sixfold.layers.testing.scanners.origins import parameters
from sixfold.layers.testing.scanners.taint import Function, dotted, last_name
from sixfold.layers.testing.scanners.trees import nodes

SUMS = re.compile(r"^(zlib\.|binascii\.)?(crc32|adler32|crc_hqx)$")
SIGNED = re.compile(r"InvalidSignature|BadSignatureError|Ed25519PublicKey|Ed448PublicKey|VerifyKey|hmac")
VERIFIES = re.compile(r"(^|\.)(verify|verify_signature|compare_digest)$")
HARMLESS = re.compile(r"^(len|isinstance|bytes|memoryview|crc32|adler32|crc_hqx)$")


def checksums(tree: ast.Module, text: str) -> Iterator[Problem]:
    """Sums that decide about a parameter of a function which verifies a signature of something else."""
    if not SIGNED.search(text) or not re.search(r"crc32|adler32|crc_hqx", text):
        return
    functions = [node for node in nodes(tree) if isinstance(node, Function)]
    verifying = {one.name for one in functions if any(VERIFIES.search(dotted(call.func)) for call in _calls(one))}
    for function in functions:
        named = [last_name(call.func) for call in _calls(function)]
        if function.name not in verifying and not verifying & set(named):
            continue
        for node in nodes(function):
            name = _summed(node)
            if name in parameters(function) and not _is_seen_otherwise(name, function):
                told = "a signature covers only a checksum of the data, which other data meet as well"
                yield Problem(node, "checksum-for-digest", "CWE-354", told)


def _calls(function: ast.AST) -> Iterator[ast.Call]:
    yield from (node for node in nodes(function) if isinstance(node, ast.Call))


def _summed(node: ast.AST) -> str:
    """The name whose sum is compared for being the same."""
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
        for side in (node.left, node.comparators[0]):
            if isinstance(side, ast.Call) and SUMS.match(dotted(side.func)) and side.args:
                return side.args[0].id if isinstance(side.args[0], ast.Name) else ""
    return ""


def _is_seen_otherwise(name: str, function: ast.AST) -> bool:
    """A call that may hash or verify it, or read it with what is verified, takes it, too; or it is bound anew."""
    for node in nodes(function):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            return True
        if isinstance(node, ast.Call) and not HARMLESS.match(last_name(node.func)):
            own = isinstance(node.func, ast.Attribute) and name in _names(node.func.value)
            handed = [*node.args, *(one.value for one in node.keywords)]
            made = last_name(node.func)[:1].isupper()  # a record that is made of it
            if own or (not made and any(name in _names(one) for one in handed if not _is_sum(one))):
                return True
    return False


def _is_sum(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and SUMS.match(dotted(node.func)) is not None


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in nodes(node) if isinstance(one, ast.Name)}
