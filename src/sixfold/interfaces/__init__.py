"""Doors to the system. They translate, never decide."""
