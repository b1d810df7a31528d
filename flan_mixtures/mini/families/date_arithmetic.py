"""The date some days before or after a given date.

In the spirit of BIG-bench Hard's date understanding (arXiv:2210.09261). Years have 365 days: no question falls on
29 February. Effects: none.
"""

from __future__ import annotations

import random

from flan_mixtures.mini.question import Question

MONTH_DAYS = {
    "January": 31,
    "February": 28,
    "March": 31,
    "April": 30,
    "May": 31,
    "June": 30,
    "July": 31,
    "August": 31,
    "September": 30,
    "October": 31,
    "November": 30,
    "December": 31,
}
MONTHS = tuple(MONTH_DAYS)
LARGEST_SHIFT = 5  # larger shifts cross a month's end too often to be learnt in minutes


def generate(rng: random.Random) -> Question:
    """Draws a date and a shift of 1 to 5 days."""
    month = rng.choice(MONTHS)
    day = rng.randint(1, MONTH_DAYS[month])
    shift = rng.randint(1, LARGEST_SHIFT)
    direction = rng.choice(("after", "before"))
    answer, steps = _move(month, day, shift if direction == "after" else -shift)
    fields = {
        "date": f"{day} {month}",
        "days": f"{shift} day{'s' if shift > 1 else ''}",
        "direction": direction,
    }
    return Question(fields, answer, steps, content=f"{fields['days']} {direction} {fields['date']}")


def _move(month: str, day: int, shift: int) -> tuple[str, tuple[str, ...]]:
    """Returns the date and the steps to it; crosses at most one month's end."""
    moved = day + shift
    step = f"{day} {'+' if shift > 0 else '-'} {abs(shift)} = {moved}."
    position = MONTHS.index(month)
    if 1 <= moved <= MONTH_DAYS[month]:
        return f"{moved} {month}", (step,)
    if moved < 1:
        earlier = MONTHS[position - 1]
        length = MONTH_DAYS[earlier]
        return f"{length + moved} {earlier}", (step, f"{earlier} has {length} days.")
    later = MONTHS[(position + 1) % 12]
    length = MONTH_DAYS[month]
    return f"{moved - length} {later}", (step, f"{month} has {length} days.")
