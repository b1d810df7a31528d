"""One line that says how far a run is: pure text, made to fit any width.

Enters: a `RunState`. Leaves: text, e.g. `training  412/2,000  20 %  loss 1.234  12.3k tokens/s  3:20 elapsed`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

TRAINING = "training"

# Tags as the trainer writes them; of the losses the first one present is shown.
LOSS_TAGS = ("loss_per_nonpadding_target_token", "loss")
TOKENS_TAG = "timing/nonpadding_tokens_per_second"
LEARNING_RATE_TAG = "learning_rate"

# Task names may be 100 characters long: of the line's width a name takes at most this part.
PHASE_PART = 1 / 3
BAR_WIDTH = range(8, 31)


@dataclasses.dataclass(frozen=True)
class RunState:
    """What is known of a run at one moment.

    Attributes:
      step: optimizer updates done, those before a restart included.
      total: optimizer updates when the run is done.
      phase: what it does now.
      done, of: how far the phase is, e.g. tasks evaluated; None where that is not counted.
      scalars: the latest metrics by tag.
      elapsed: seconds since the program began.
      seconds_per_step: recent pace of training; None before it is known.
    """

    step: int
    total: int
    phase: str = TRAINING
    done: int | None = None
    of: int | None = None
    scalars: Mapping[str, float] = dataclasses.field(default_factory=dict)
    elapsed: float = 0.0
    seconds_per_step: float | None = None


def progress_line(state: RunState, width: int, bar: str = "#-") -> str:
    """Returns at most `width` characters: the most important parts, in a fixed order, as many as fit.

    Args:
      state: the run.
      width: columns of the terminal.
      bar: the two characters that draw what is done and what is left.
    """
    parts = {"phase": _phase(state, int(width * PHASE_PART)), **_numbers(state)}
    shown: list[str] = []
    for name in ("steps", "phase", "left", "loss", "percent", "tokens", "rate", "elapsed"):
        fits = len("  ".join(parts[key] for key in (*shown, name))) <= width
        if parts[name] and fits:
            shown.append(name)
    if not shown:
        return parts["steps"][:width]
    texts = [parts[name] for name in parts if name in shown]  # the order of reading
    room = width - len("  ".join(texts)) - 2
    if room >= BAR_WIDTH.start:
        texts.insert(1 if "phase" in shown else 0, _bar(state, min(room, BAR_WIDTH[-1]), bar))
    return "  ".join(texts)


def log_line(state: RunState) -> str:
    """Returns the same numbers for a log, where no width limits them."""
    name = "step " if state.phase == TRAINING else f"{state.phase} "
    return name + ", ".join(text for text in _numbers(state).values() if text)


def _numbers(state: RunState) -> dict[str, str]:
    """Returns the parts in the order of reading; those not known are empty. Widths change little from step to step."""
    loss = next((state.scalars[tag] for tag in LOSS_TAGS if tag in state.scalars), None)
    tokens = state.scalars.get(TOKENS_TAG)
    rate = state.scalars.get(LEARNING_RATE_TAG)
    left = None if state.seconds_per_step is None else state.seconds_per_step * max(state.total - state.step, 0)
    return {
        "steps": f"{state.step:,}".rjust(len(f"{state.total:,}")) + f"/{state.total:,}",
        "percent": f"{100 * state.step // state.total} %" if state.total else "",
        "loss": "" if loss is None else f"loss {loss:#.4g}",
        "tokens": "" if tokens is None else f"{short_number(tokens)} tokens/s",
        "rate": "" if rate is None else f"lr {rate:.3g}",
        "elapsed": f"{duration(state.elapsed)} elapsed",
        "left": "" if left is None else f"{duration(left)} left",
    }


def _phase(state: RunState, width: int) -> str:
    counted = "" if state.of is None else f" {state.done or 0}/{state.of}"
    room = max(0, width - len(counted))
    name = state.phase if len(state.phase) <= room else state.phase[: max(0, room - 3)] + "..."[:room]
    return name + counted


def _bar(state: RunState, width: int, characters: str) -> str:
    filled = min(width, width * state.step // state.total) if state.total else width
    return characters[0] * filled + characters[1] * (width - filled)


def duration(seconds: float) -> str:
    """Returns `m:ss`, `h:mm:ss` or `d days h:mm`: 200 -> '3:20', 3725 -> '1:02:05', 100000 -> '1 d 3:46'."""
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour}:{minute:02d}"
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minutes}:{second:02d}"


def short_number(value: float) -> str:
    """Returns three digits and a letter: 12345 -> '12.3k', 950 -> '950', 2.5e6 -> '2.5M'."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.3g}"
