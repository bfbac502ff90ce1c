"""Layer 3 of 6: planning & reasoning."""
