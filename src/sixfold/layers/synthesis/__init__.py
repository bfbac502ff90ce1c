"""Layer 4 of 6: synthesis: what a model wrote becomes edits, and edits a new tree, or a reason why not."""
