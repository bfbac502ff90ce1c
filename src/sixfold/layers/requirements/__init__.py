"""Layer 1 of 6: requirements & user."""
