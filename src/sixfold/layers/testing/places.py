"""Where a product lies in a sandbox."""

from __future__ import annotations

SITE = ".sixfold/site"
"""Where it is installed."""
FROM_SOURCE = (".", "src")
"""Import folders of a product that is not installed."""
