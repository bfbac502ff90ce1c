"""A board of notices."""
