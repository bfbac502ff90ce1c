"""A run in the formats other tools read."""
