"""Makes `states` importable from the tests in this folder and from the processes they start."""

from __future__ import annotations

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
