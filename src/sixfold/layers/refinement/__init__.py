"""Layer 6 of 6: refinement & debugging."""
