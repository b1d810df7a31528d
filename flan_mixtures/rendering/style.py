"""The axes along which one row can be rendered: each is chosen without regard to the others.

`Style` is one choice on every axis. `StyleDistribution` says how often each is taken; `styles.toml` holds those with
a public name (`zsopt`, `zsnoopt`, `fsopt`, `fsnoopt`); a user's file may hold others. Effects: reads them.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import math
import pathlib
import random
import tomllib
from collections.abc import Mapping
from typing import Any

from flan_mixtures.draws import Draws
from flan_mixtures.rendering.option_style import PLAIN, OptionStyle, draw_option_style
from flan_mixtures.sources.text_file import read_text
from t5x.errors import UserError, nearest

INSTRUCTIONS = ("once", "each", "none")
LAYOUTS = ("list", "chat")
TEMPLATES = ("same", "mixed")
REASONINGS = ("direct", "rationale_first", "answer_first")
OPTION_LOOKS = ("any", "plain")


@dataclasses.dataclass(frozen=True, slots=True)
class Style:
    """How one prompt looks.

    Attributes:
      shots: how many exemplars are wanted; fewer stand there if they do not fit.
      options: how answer options are shown; None hides them.
      label_target: the target is the right option's label instead of its text. Needs labelled options.
      instruction: said once above the exemplars, with each example, or not at all; zero-shot templates hold their own.
      layout: examples one after the other, or as turns of a chat.
      templates: whether exemplars have the query's template or each its own.
      reasoning: for rows with a rationale: where it stands in the target, or that it is left out.
      inverted: another field than the answer is asked for.
    """

    shots: int = 0
    options: OptionStyle | None = None
    label_target: bool = False
    instruction: str = "once"
    layout: str = "list"
    templates: str = "same"
    reasoning: str = "direct"
    inverted: bool = False


@dataclasses.dataclass(frozen=True)
class StyleDistribution:
    """How often each choice is taken on each axis. Mappings hold relative weights.

    Attributes:
      name: how it is called in mixtures.
      source: where the numbers come from.
      shots: number of exemplars -> weight.
      options: how often options are shown, where a row has any.
      option_look: `any` of the looks, or `plain`, the Flan Collection's few-shot look.
      label_target: how often the target is a label, where the look has labels.
      inverted: how often another field than the answer is predicted, where the family has inversions.
    """

    name: str
    source: str = ""
    shots: Mapping[int, float] = dataclasses.field(default_factory=lambda: {0: 1.0})
    options: float = 1.0
    option_look: str = "any"
    label_target: float = 1.0
    instruction: Mapping[str, float] = dataclasses.field(default_factory=lambda: {"once": 1.0})
    layout: Mapping[str, float] = dataclasses.field(default_factory=lambda: {"list": 1.0})
    templates: Mapping[str, float] = dataclasses.field(default_factory=lambda: {"same": 1.0})
    reasoning: Mapping[str, float] = dataclasses.field(default_factory=lambda: {"rationale_first": 1.0})
    inverted: float = 0.0

    def draw(self, rng: Draws | random.Random) -> Style:
        """Draws a style, each axis on its own: none has a bearing on another, but that labels need options.

        An axis takes its draws whatever the others come to; one with a single choice takes none.
        """
        shots = _choose(rng, self.shots)
        shown = rng.random() < self.options
        look = draw_option_style(rng) if self.option_look == "any" else PLAIN
        label = rng.random() < self.label_target
        return Style(
            shots=shots,
            options=look if shown else None,
            label_target=shown and look.labelled and label,
            instruction=_choose(rng, self.instruction),
            layout=_choose(rng, self.layout),
            templates=_choose(rng, self.templates),
            reasoning=_choose(rng, self.reasoning),
            inverted=rng.random() < self.inverted,
        )


def style_names() -> tuple[str, ...]:
    """Returns the names of the distributions that come with the package."""
    return tuple(_packaged())


def style_distribution(name: str) -> StyleDistribution:
    """Returns a distribution that comes with the package. Raises UserError for an unknown name."""
    if name not in _packaged():
        raise UserError(
            f"There is no style {name!r}.{nearest(name, _packaged())} The styles are {', '.join(_packaged())}."
        )
    return _packaged()[name]


def read_styles(path: pathlib.Path) -> dict[str, StyleDistribution]:
    """Returns the distributions in a file of the user's own, which looks like `styles.toml`.

    Raises UserError for a file that cannot be read or that is no TOML, and as `parse_style` does; names the file.
    """
    text = read_text(path)
    try:
        return _parse(text)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


@functools.cache
def _packaged() -> dict[str, StyleDistribution]:
    text = importlib.resources.files("flan_mixtures.rendering").joinpath("styles.toml").read_text(encoding="utf-8")
    return _parse(text)


def _parse(text: str) -> dict[str, StyleDistribution]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"The styles file is no TOML: {error}.") from error
    return {name: parse_style(name, entry) for name, entry in content.items()}


def parse_style(name: str, entry: Mapping[str, Any]) -> StyleDistribution:
    """Returns the distribution that a table of a styles file describes.

    Raises:
      UserError: an unknown key, a value of the wrong type, a choice that an axis does not have, a share outside 0 to 1,
        or weights without a positive one; names the style, the axis and the value.
    """
    if not isinstance(entry, Mapping):
        raise UserError(f"Style {name!r} is {entry!r}: expected a table of axes, headed [{name}].")
    known = {field.name for field in dataclasses.fields(StyleDistribution)} - {"name"}
    for key in entry.keys() - known:
        raise UserError(f"Style {name!r} has the unknown axis {key!r}.{nearest(key, known)}")
    values = dict(entry)
    if "shots" in values:
        _check_weights(name, "shots", values["shots"])
        values["shots"] = {_shot_count(name, shots): weight for shots, weight in values["shots"].items()}
    for axis, choices in (
        ("instruction", INSTRUCTIONS),
        ("layout", LAYOUTS),
        ("templates", TEMPLATES),
        ("reasoning", REASONINGS),
    ):
        if axis in values:
            _check_weights(name, axis, values[axis])
        for choice in values.get(axis, ()):
            if choice not in choices:
                raise UserError(f"Style {name!r} has {axis} {choice!r}: expected one of {', '.join(choices)}.")
    if values.get("option_look", "any") not in OPTION_LOOKS:
        raise UserError(
            f"Style {name!r} has option_look {values['option_look']!r}: expected one of {', '.join(OPTION_LOOKS)}."
        )
    for axis in ("options", "label_target", "inverted"):
        share = values.get(axis, 0)
        if not (_is_weight(share) and share <= 1):
            raise UserError(f"Style {name!r} has {axis} = {share!r}: expected a share from 0 to 1.")
    return StyleDistribution(name=name, **values)


def _shot_count(name: str, text: str) -> int:
    if not str(text).isdigit():
        raise UserError(f"Style {name!r} has the number of shots {text!r}: expected a whole number, 0 or more.")
    return int(text)


def _check_weights(name: str, axis: str, weights: Any) -> None:
    if not isinstance(weights, Mapping) or not all(map(_is_weight, weights.values())) or not any(weights.values()):
        raise UserError(
            f"Style {name!r} has the weights {weights!r} for {axis}: expected a table of choices and numbers, one"
            " above 0, none below."
        )


def _is_weight(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and math.isfinite(value)


def _choose(rng: Draws | random.Random, weights: Mapping[Any, float]) -> Any:
    if len(weights) == 1:
        return next(iter(weights))
    point = rng.random() * sum(weights.values())
    for choice, weight in weights.items():
        point -= weight
        if point < 0:
            return choice
    return choice  # rounding left a point at the very end
