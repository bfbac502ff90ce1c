"""A change that is too large to review is cut along its dependencies, and nothing of it is lost."""

from __future__ import annotations

import random

from sixfold.domain.code import FileStat
from sixfold.layers.refinement.slicing import slices


def stats(**lines: int) -> list[FileStat]:
    return [FileStat(path=name.replace("_", "/") + ".py", added=count, removed=0) for name, count in lines.items()]


def test_a_small_change_is_one_part() -> None:
    assert slices(stats(a=100, b=200), {}, ()) == (("a.py", "b.py"),)
    assert slices([], {}, ()) == ()


def test_what_is_imported_comes_before_what_imports_it() -> None:
    imports = {"a.py": ("c.py",), "c.py": ("b.py",)}
    assert slices(stats(a=200, b=200, c=200), imports, ()) == (("b.py",), ("c.py",), ("a.py",))


def test_tests_go_with_the_last_module_they_use_and_do_not_count() -> None:
    imports = {"b.py": ("a.py",), "tests/a.py": ("a.py",), "tests/b.py": ("b.py",)}
    files = stats(a=250, b=250, tests_a=900, tests_b=900)
    assert slices(files, imports, ("tests/a.py", "tests/b.py")) == (("a.py", "tests/a.py"), ("b.py", "tests/b.py"))


def test_files_that_import_each_other_stay_together_and_settings_come_first() -> None:
    imports = {"a.py": ("b.py",), "b.py": ("a.py",)}
    files = [*stats(a=200, b=200, c=200), FileStat(path="pyproject.toml", added=9, removed=0)]
    assert slices(files, imports, ()) == (("pyproject.toml",), ("a.py", "b.py"), ("c.py",))


def test_every_file_stands_in_exactly_one_part_whatever_the_graph() -> None:
    for seed in range(50):
        rng = random.Random(seed)
        names = [f"m{n}.py" for n in range(rng.randrange(2, 12))]
        imports = {name: tuple(rng.sample(names, rng.randrange(3))) for name in names}
        parts = slices([FileStat(path=name, added=rng.randrange(200), removed=3) for name in names], imports, ())
        assert sorted(path for part in parts for path in part) == sorted(names)
        order = {path: number for number, part in enumerate(parts) for path in part}
        for path, targets in imports.items():
            for target in targets:
                circular = path in _reach(imports, target)
                assert circular or order[target] <= order[path]


def _reach(imports: dict[str, tuple[str, ...]], path: str) -> set[str]:
    found: set[str] = set()
    waiting = [path]
    while waiting:
        new = set(imports.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found
