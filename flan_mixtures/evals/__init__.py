"""Evaluation tasks and their metrics."""
