"""Finds training rows that hold what models are evaluated on, takes them out, and says which and why."""
