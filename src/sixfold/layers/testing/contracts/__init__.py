"""Contract tests: what the plan's edges promise, read mechanically from their text and tried on the product."""
