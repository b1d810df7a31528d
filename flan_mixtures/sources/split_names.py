"""Which split a name means. Effects: none."""

from __future__ import annotations

import re

_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}


def common_name(split: str) -> str:
    """Returns train, validation or test for their other names, such as `dev`; any other split keeps its own."""
    return _NAMES.get(split, split)


def split_of_name(name: str) -> str | None:
    """Returns train, validation or test for `dev.jsonl`, `gsm8k_train.tsv`, `train-00000-of-00001.parquet`, or None."""
    words = re.split(r"[._\-]", name.lower())
    found = {_NAMES[word] for word in words if word in _NAMES}
    return found.pop() if len(found) == 1 else None
