"""Evidence in formats other tools read."""
