"""Layer 2 of 6: model invocation."""
