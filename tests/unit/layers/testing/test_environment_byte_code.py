"""Building the environments products are tested in, as far as it needs no index."""

from __future__ import annotations

import marshal
import sys
from pathlib import Path

from sixfold.layers.testing import environments


def test_compiling_byte_code_runs_nothing_of_a_package_and_names_its_final_place(tmp_path: Path) -> None:
    fresh, place, canary = tmp_path / "fresh", tmp_path / "place", tmp_path / "canary"
    packages = fresh / "lib" / "python3" / "site-packages"
    packages.mkdir(parents=True)
    strike = f"open({str(canary)!r}, 'w').close()"
    (packages / "product.py").write_text(strike + "\n")
    (packages / "product.pth").write_text(f"import builtins; {strike}\n")
    (packages / "template.py").write_text("{{ not python }}\n")
    environments._compile(sys.executable, fresh, place)
    compiled = next(packages.glob("__pycache__/product.*.pyc"))
    code = marshal.loads(compiled.read_bytes()[16:])
    assert code.co_filename == str(place / "lib" / "python3" / "site-packages" / "product.py")
    assert not canary.exists()
