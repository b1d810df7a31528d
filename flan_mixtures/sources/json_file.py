"""Reads one JSON file.

Enters: a path. Leaves: the parsed value. Effects: reads the file.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

from flan_mixtures.sources.text_file import read_text
from t5x.errors import UserError


def read_json(path: pathlib.Path) -> Any:
    """Returns the value in `path`. Raises UserError with file and line where the text is not JSON."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path}:{error.lineno}: not valid JSON ({error.msg}, column {error.colno}). "
            "Mend the file, or fetch it again if a download was cut short."
        ) from None
