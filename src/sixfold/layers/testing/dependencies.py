"""Which packages a tree needs, held against what it may use: no invented name reaches an installation."""

from __future__ import annotations

import ast
import difflib
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from sixfold.domain.data import Tree
from sixfold.domain.evidence import Finding
from sixfold.domain.ports import Repository
from sixfold.layers.testing.scanners import trees
from sixfold.layers.testing.scanners.files import FEW_FILES, checked_out, in_order, nothing_collected

DISTRIBUTIONS = {
    "yaml": "pyyaml",
    "PIL": "pillow",
    "cv2": "opencv-python",
    "bs4": "beautifulsoup4",
    "sklearn": "scikit-learn",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "jwt": "pyjwt",
    "docx": "python-docx",
    "multipart": "python-multipart",
    "attr": "attrs",
    "google.protobuf": "protobuf",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "Crypto": "pycryptodome",
    "markdown": "markdown",
    "git": "gitpython",
    "pkg_resources": "setuptools",
}
"""Import names whose package is called otherwise."""
WELL_KNOWN = frozenset(
    [
        "requests",
        "httpx",
        "flask",
        "django",
        "fastapi",
        "starlette",
        "uvicorn",
        "pydantic",
        "sqlalchemy",
        "numpy",
        "pandas",
        "scipy",
        "matplotlib",
        "pytest",
        "click",
        "typer",
        "rich",
        "jinja2",
        "pyyaml",
        "pillow",
        "aiohttp",
        "beautifulsoup4",
        "lxml",
        "scikit-learn",
        "cryptography",
        "pyjwt",
        "attrs",
        "msgspec",
        "python-dateutil",
        "python-dotenv",
        "python-multipart",
        "psycopg",
        "redis",
        "celery",
        "boto3",
        "hypothesis",
        "markdown",
        "werkzeug",
        "bcrypt",
        "argon2-cffi",
        "defusedxml",
        "openpyxl",
        "tqdm",
        "setuptools",
        "wheel",
        "hatchling",
    ]
)
"""Only for hints: being in this list allows nothing."""
TOOLS = ("pytest", "setuptools", "wheel", "pip", "hatchling")
"""In every environment; imports of them in tests and set-up need no declaration."""


class Dependencies:
    """The scanner port over `check_dependencies`."""

    name = "dependencies"

    def __init__(self, repository: Repository, *, allowed: Sequence[str] = (), base: Tree | None = None) -> None:
        """Remember what may be used.

        Args:
            repository: where trees are read from.
            allowed: packages a person allowed for this run.
            base: tree of the user's repository; what it declares is allowed.
        """
        self._repository = repository
        self._allowed = tuple(allowed)
        self._base = base

    async def scan(self, tree: Tree, paths: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Findings for imports and declared requirements of the tree."""
        standing = declared(_texts(self._repository, self._base)) if self._base is not None else {}
        with nothing_collected():
            findings = check_dependencies(_texts(self._repository, tree), allowed=(*self._allowed, *standing))
        return tuple(one for one in findings if not paths or one.path in paths)


def _texts(repository: Repository, tree: Tree) -> dict[str, bytes]:
    wanted = [
        entry.path
        for entry in repository.files(tree)
        if entry.mode != "120000" and (entry.path.endswith(".py") or _is_manifest(entry.path))
    ]
    if len(wanted) <= FEW_FILES:
        return {path: repository.read(tree, path) or b"" for path in wanted}
    with checked_out(repository, tree) as folder:
        return {path: (folder / path).read_bytes() for path in wanted}


def check_dependencies(files: Mapping[str, bytes], *, allowed: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Hold every import and every declared requirement against the standard library, the tree itself and `allowed`."""
    permitted = {_canonical(name) for name in (*allowed, *TOOLS)}
    own = _own_modules(files)
    found = []
    for name, (path, line) in declared(files).items():
        if name not in permitted:
            found.append(
                _finding("undeclared-requirement", f"the package {name} was not agreed on", path, line, name, permitted)
            )
    for path, content in files.items():
        for module, line in _imports(path, content):
            top = module.split(".")[0]
            if top in sys.stdlib_module_names or top in own:
                continue
            package = _canonical(DISTRIBUTIONS.get(module) or DISTRIBUTIONS.get(top) or top)
            if package not in permitted and f"python-{package}" not in permitted:
                message = f"the module {top} belongs neither to Python, nor to the product, nor to an agreed package"
                found.append(_finding("unknown-import", message, path, line, package, permitted))
    return in_order(found)


def _finding(rule: str, message: str, path: str, line: int, name: str, permitted: set[str]) -> Finding:
    near = nearest(name, permitted)
    hint = f"; did you mean {near}?" if near else ""
    return Finding(
        tool="dependencies",
        rule=rule,
        severity="error",
        message=message + hint,
        path=path,
        line=line,
        cwe="CWE-1357",
        evidence=name,
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """The well-known or known package that is spelt almost like `name`; empty when there is none."""
    wanted = _canonical(name)
    near = difflib.get_close_matches(wanted, sorted({*known, *WELL_KNOWN} - {wanted}), n=1, cutoff=0.75)
    return near[0] if near else ""


def declared_names(repository: Repository, tree: Tree) -> tuple[str, ...]:
    """Names of the packages a tree's manifests ask for, sorted."""
    return tuple(sorted(declared(_texts(repository, tree))))


def declared(files: Mapping[str, bytes]) -> dict[str, tuple[str, int]]:
    """Packages that manifests ask for, by canonical name, with where; unreadable manifests declare nothing."""
    found: dict[str, tuple[str, int]] = {}
    for path, content in sorted(files.items()):
        text = content.decode("utf-8", errors="replace")
        for requirement in _requirements(path, text) if _is_manifest(path) else ():
            match = re.match(r"\s*([A-Za-z0-9][\w.-]*)", requirement)
            if match:
                line = text[: max(text.find(match.group(1)), 0)].count("\n") + 1
                found.setdefault(_canonical(match.group(1)), (path, line))
    return found


def _requirements(path: str, text: str) -> Iterator[str]:
    if not path.endswith(".toml"):
        lines = (line.split("#")[0].strip() for line in text.splitlines())
        yield from (line for line in lines if line and not line.startswith("-"))
        return
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    project = settings.get("project", {})
    groups = [project.get("dependencies"), settings.get("build-system", {}).get("requires")]
    groups += [*project.get("optional-dependencies", {}).values(), *settings.get("dependency-groups", {}).values()]
    for group in groups:
        yield from (one for one in group or () if isinstance(one, str))
    poetry = settings.get("tool", {}).get("poetry", {}).get("dependencies", {})
    yield from (name for name in poetry if name != "python")


def _is_manifest(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return name == "pyproject.toml" or (name.startswith("requirements") and name.endswith((".txt", ".in")))


def _own_modules(files: Mapping[str, bytes]) -> set[str]:
    """Every name that some folder of the tree makes importable."""
    own: set[str] = set()
    for path in files:
        if path.endswith(".py"):
            parts = path.removesuffix(".py").split("/")
            own |= set(parts)
    return own


def _imports(path: str, content: bytes) -> tuple[tuple[str, int], ...]:
    return _imports_of(content) if path.endswith(".py") else ()


@lru_cache(maxsize=4096)
def _imports_of(content: bytes) -> tuple[tuple[str, int], ...]:
    """Modules with their lines; remembered, because most files of a tree are those of the tree before."""
    return tuple(_find_imports(content))


def _find_imports(content: bytes) -> Iterator[tuple[str, int]]:
    try:
        tree = trees.module(content)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in trees.nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
