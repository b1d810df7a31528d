"""Exact match: the share of predictions equal to their targets, letter for letter. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def exact_match(targets: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    """Returns `{"exact_match": percent}`. Texts are compared as they are; extract and strip before."""
    matches = [target == prediction for target, prediction in zip(targets, predictions, strict=True)]
    return {"exact_match": 100.0 * sum(matches) / len(matches)}
