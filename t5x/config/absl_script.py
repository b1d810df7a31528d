"""Running a script that defines absl flags of its own and takes T5X's gin flags as well.

Source: T5X's `gin_utils.run`, used by scripts built on T5X. Effects: parses sys.argv, runs the script, exits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from t5x.config.gin_flags import rewrite_gin_args


def run(main: Callable[[Sequence[str]], Any]) -> None:
    """Runs `main` with absl's flags parsed, `--gin.X=Y` among them as gin bindings."""
    from absl import app

    app.run(main, flags_parser=lambda args: app.parse_flags_with_usage(rewrite_gin_args(args)))
