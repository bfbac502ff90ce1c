"""The edit formats by name. The default is `blocks`: it needs no tool calls and no JSON mode."""

from __future__ import annotations

from sixfold.layers.synthesis.formats.blocks import BLOCKS
from sixfold.layers.synthesis.formats.choosing import format_for
from sixfold.layers.synthesis.formats.format import EditFormat
from sixfold.layers.synthesis.formats.objects import OBJECTS
from sixfold.layers.synthesis.formats.unified import UNIFIED
from sixfold.layers.synthesis.formats.whole import WHOLE

FORMATS: dict[str, EditFormat] = {each.name: each for each in (BLOCKS, WHOLE, UNIFIED, OBJECTS)}

__all__ = ["BLOCKS", "FORMATS", "OBJECTS", "UNIFIED", "WHOLE", "EditFormat", "format_for"]
