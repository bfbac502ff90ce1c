"""Layer 5 of 6: execution, verification & validation."""
