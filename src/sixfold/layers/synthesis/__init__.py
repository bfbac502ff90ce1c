"""Layer 4 of 6: synthesis."""
