"""Whole files only, for models that cannot repeat a search text exactly. Read like the default format."""

from __future__ import annotations

from sixfold.layers.synthesis.formats import blocks
from sixfold.layers.synthesis.formats.format import EditFormat

INSTRUCTION = """\
Write every new or changed file as a whole, no code fences:
<file path="new/or/changed.py">
whole file
</file>
<delete path="old.py"/>
Never abbreviate: no `...`, no "rest unchanged". Leave files alone that do not change.
"""

WHOLE = EditFormat(name="whole", instruction=INSTRUCTION, parse=blocks.parse)
