"""Faults in template files that nobody should find by training on them."""
