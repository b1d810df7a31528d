"""What the tests of the core share."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))


@pytest.fixture(scope="session")
def golden(shared: pathlib.Path) -> dict[str, Any]:
    """Numbers that T5X's own functions gave (commit cc342d4, jax 0.10.2, CPU)."""
    return json.loads((shared / "golden" / "functions.json").read_text())
