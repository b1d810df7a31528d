"""Rectangles whose areas are in proportion to values, as square as they come, in a given rectangle.

Source: Bruls, Huizing, van Wijk 2000, "Squarified Treemaps". Enters: values, largest first. Leaves: a rectangle per
value, in that order. Effects: none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True, slots=True)
class Rectangle:
    """A place in a picture; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


def squarified(values: Sequence[float], whole: Rectangle) -> list[Rectangle]:
    """Returns a rectangle per value. Values are above 0, the largest first."""
    total = sum(values)
    areas = [value / total * whole.width * whole.height for value in values]
    placed: list[Rectangle] = []
    free = whole
    while len(placed) < len(areas):
        rest = areas[len(placed) :]
        side = min(free.width, free.height)
        size = 1
        while size < len(rest) and _worst(rest[: size + 1], side) <= _worst(rest[:size], side):
            size += 1
        strip, free = _strip(rest[:size], free)
        placed += strip
    return placed


def _worst(areas: Sequence[float], side: float) -> float:
    """Returns how far from square the worst of a strip along `side` is; 1 is square."""
    thickness = sum(areas) / side if side else 0.0
    if not thickness:
        return float("inf")
    return max(max(thickness * thickness / area, area / (thickness * thickness)) for area in areas if area > 0)


def _strip(areas: Sequence[float], free: Rectangle) -> tuple[list[Rectangle], Rectangle]:
    """Returns a strip along the shorter side of the free rectangle, and what stays free."""
    placed = []
    if free.width >= free.height:
        thickness = sum(areas) / free.height if free.height else 0.0
        y = free.y
        for area in areas:
            height = area / thickness if thickness else 0.0
            placed.append(Rectangle(free.x, y, thickness, height))
            y += height
        return placed, Rectangle(free.x + thickness, free.y, max(free.width - thickness, 0.0), free.height)
    thickness = sum(areas) / free.width if free.width else 0.0
    x = free.x
    for area in areas:
        width = area / thickness if thickness else 0.0
        placed.append(Rectangle(x, free.y, width, thickness))
        x += width
    return placed, Rectangle(free.x, free.y + thickness, free.width, max(free.height - thickness, 0.0))
