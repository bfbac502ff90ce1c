"""Durable execution: runs, steps, tasks, waits, the event log. Knows no code generation."""
