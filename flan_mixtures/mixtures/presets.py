"""Named weights of a collection of submixtures, read from `presets.toml` beside this file or a file of the user's own.

    [mine]
    source = "where the numbers come from"

    [mine.submixtures.cot]
    weight = 5                               # shares of whatever the weights sum to
    cap = { level = "task", rows = 100_000 } # optional; see `rates.Cap`
    rates = { kind = "temperature", temperature = 2 } # optional: how tasks share; else in proportion to their rows
    styles = { zsopt = 50, fsopt = 50 }      # of the package, or of styles.toml in the data folder
    inversion = { all = 0.2 }                # optional; share of inverted examples, for `all` or per style

`rates` is one of { kind = "proportional" }, { kind = "temperature", temperature = 2 }, { kind = "unimax", draws =
1_000_000, epochs = 2 } and { kind = "fixed", rates = { cot_gsm8k = 3, cot_aqua = 1 } }. The last two take no cap.
The user's own presets, in `presets.toml` of the data folder, are mixtures of their names.
Effects: reads preset files.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import math
import pathlib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flan_mixtures.catalogue import catalogue
from flan_mixtures.mixtures.rates import Cap, Part, fixed, proportional, unimax
from t5x.errors import UserError, nearest

STYLES = ("zsopt", "fsopt", "zsnoopt", "fsnoopt")  # zero- or few-shot, answer options shown or not
ALL = "all"
# Kind of rates -> what it needs; see `rates.py`.
_RATES = {"proportional": (), "temperature": ("temperature",), "unimax": ("draws", "epochs"), "fixed": ("rates",)}


@dataclasses.dataclass(frozen=True)
class SubmixtureShare:
    """What one submixture is given.

    Attributes:
      weight: its share, of the sum of the preset's weights.
      cap: of its tasks' rows, or None.
      styles: style -> share, of their sum.
      rates: how tasks share it, by `kind` and what that kind needs.
      inversion: style or `all` -> share of that style's examples which predict another field than the answer; 0 to 1.
    """

    weight: float
    cap: Cap | None
    styles: Mapping[str, float]
    inversion: Mapping[str, float] = dataclasses.field(default_factory=dict)
    rates: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"kind": "proportional"})

    def task_weights(self, parts: Sequence[Part], available: Sequence[Part]) -> dict[str, float]:
        """Returns task -> weight of the available parts; `parts` are all. Raises UserError as the rates do."""
        kind, numbers = self.rates["kind"], {key: value for key, value in self.rates.items() if key != "kind"}
        if kind == "unimax":
            return unimax(available, **numbers)
        if kind == "fixed":
            fixed(parts, **numbers)  # names rates that are missing or too many
            tasks = {part.task for part in available}
            return fixed(available, {task: rate for task, rate in numbers["rates"].items() if task in tasks})
        return proportional(available, self.cap, **numbers)

    def inverted(self, style: str) -> float:
        """Returns which share of a style's examples predict another field than the answer."""
        return self.inversion.get(style, self.inversion.get(ALL, 0.0))


@dataclasses.dataclass(frozen=True)
class Preset:
    """A named set of weights and where they come from."""

    name: str
    source: str
    submixtures: Mapping[str, SubmixtureShare]


@dataclasses.dataclass(frozen=True)
class TaskShare:
    """What one task was to have of the whole mixture, and what it has since some data is missing; 0 where it is."""

    submixture: str
    task: str
    asked: float
    got: float


@functools.cache
def presets() -> dict[str, Preset]:
    """Returns the presets that come with the package, by name."""
    text = importlib.resources.files("flan_mixtures.mixtures").joinpath("presets.toml").read_text(encoding="utf-8")
    return parse_presets(text, "presets.toml")


def read_presets(path: pathlib.Path) -> dict[str, Preset]:
    """Returns the presets in a file of the user's own. Raises UserError for a missing or malformed file."""
    try:
        return parse_presets(pathlib.Path(path).read_text(encoding="utf-8"), str(path), catalogue.style_names())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The preset file {str(path)!r} cannot be read: {error}.") from error


def preset(name: str, path: pathlib.Path | None = None) -> Preset:
    """Returns the preset of that name, from the package or from a file. Raises UserError where there is none."""
    known = read_presets(path) if path else presets()
    if name not in known:
        raise UserError(f"There is no preset {name!r}: expected one of {', '.join(known)}.{nearest(name, known)}")
    return known[name]


def parse_presets(text: str, where: str, styles: Sequence[str] = STYLES) -> dict[str, Preset]:
    """Returns the presets that a file's text describes, by name, in file order; `styles` are those they may name.

    Raises:
      UserError: the text is no TOML, or has a key or a value that a preset cannot have; names both.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"The preset file {where!r} is no TOML: {error}.") from error
    parsed = {name: _preset(name, _table(entry, f"Preset {name!r}"), where, styles) for name, entry in content.items()}
    if not parsed:
        raise UserError(f"The preset file {where!r} holds no preset: expected a table such as [mine].")
    return parsed


def submixture_shares(preset: Preset, available: Collection[str]) -> dict[str, tuple[float, float]]:
    """Returns submixture -> (share asked for, share got when only the available ones are there).

    What the missing ones leave is divided among the others in proportion to their weights.

    Raises:
      UserError: none of the preset's submixtures that has weight is available.
    """
    total = math.fsum(share.weight for share in preset.submixtures.values())
    there = math.fsum(share.weight for name, share in preset.submixtures.items() if name in available)
    if not there > 0:
        raise UserError(
            f"No submixture of preset {preset.name!r} is available; it weighs {', '.join(preset.submixtures)}. "
            "Provide data for at least one task, or choose another preset."
        )
    return {
        name: (share.weight / total, share.weight / there if name in available else 0.0)
        for name, share in preset.submixtures.items()
    }


def task_shares(
    preset: Preset, parts: Mapping[str, Sequence[Part]], available: Collection[str] | None = None
) -> tuple[TaskShare, ...]:
    """Returns what every task was to have of the mixture, and what it has of what is available.

    Args:
      preset: the weights.
      parts: submixture -> all its tasks, missing ones too.
      available: the tasks whose data is there, all where None. What a missing task leaves goes to the rest of its
        submixture; what a submixture without any task leaves goes to the other submixtures.

    Raises:
      UserError: tasks of a submixture that the preset does not weigh, a task in two submixtures, or nothing available.
    """
    for name in parts:
        if name not in preset.submixtures:
            raise UserError(
                f"Preset {preset.name!r} has no weight for submixture {name!r}.{nearest(name, preset.submixtures)} "
                "Leave its tasks out, or give it a weight in a preset file of your own."
            )
    _check_unique(parts)
    there = {name: [part for part in some if _there(part, available)] for name, some in parts.items()}
    shares = submixture_shares(preset, [name for name, some in there.items() if some])
    result = []
    for name, some in parts.items():
        share, sized = preset.submixtures[name], [part for part in some if part.rows]
        asked = share.task_weights(some, sized) if sized else {}
        got = share.task_weights(some, there[name]) if there[name] else {}
        whole_asked, whole_got = shares[name]
        result += [
            TaskShare(name, part.task, whole_asked * asked.get(part.task, 0.0), whole_got * got.get(part.task, 0.0))
            for part in some
        ]
    return tuple(result)


def _there(part: Part, available: Collection[str] | None) -> bool:
    return part.rows > 0 and (available is None or part.task in available)


def _check_unique(parts: Mapping[str, Sequence[Part]]) -> None:
    home: dict[str, str] = {}
    for name, some in parts.items():
        for part in some:
            if home.setdefault(part.task, name) != name:
                raise UserError(
                    f"Task {part.task!r} is in the submixtures {home[part.task]!r} and {name!r}: name it once."
                )


def _preset(name: str, entry: Mapping[str, Any], where: str, styles: Sequence[str]) -> Preset:
    who = f"Preset {name!r} in {where!r}"
    _keys(entry, {"source", "submixtures"}, {"source", "submixtures"}, who)
    submixtures = {
        key: _share(_table(value, f"{who}, submixture {key!r},"), f"{who}, submixture {key!r},", styles)
        for key, value in _table(entry["submixtures"], who).items()
    }
    if not any(share.weight > 0 for share in submixtures.values()):
        raise UserError(f"{who} has no submixture with a positive weight.")
    return Preset(name, str(entry["source"]), submixtures)


def _share(entry: Mapping[str, Any], who: str, known_styles: Sequence[str]) -> SubmixtureShare:
    _keys(entry, {"weight", "cap", "rates", "styles", "inversion"}, {"weight", "styles"}, who)
    cap = None
    if "cap" in entry:
        _keys(_table(entry["cap"], who), {"level", "rows"}, {"level", "rows"}, f"{who} in its cap")
        rows = _number(entry["cap"]["rows"], f"{who} cap rows")
        if not rows.is_integer():
            raise UserError(f"{who} cap rows is {rows:g}: expected a whole number, at least 1.")
        try:
            cap = Cap(str(entry["cap"]["level"]), int(rows))
        except UserError as error:
            raise UserError(f"{who} in its cap: {error}") from error
    styles = _numbers(entry["styles"], known_styles, f"{who} styles")
    if not math.fsum(styles.values()) > 0:
        raise UserError(f"{who} has no style with a positive share: expected one of {', '.join(known_styles)}.")
    inversion = _numbers(entry.get("inversion", {}), (ALL, *known_styles), f"{who} inversion")
    for style, share in inversion.items():
        if share > 1:
            raise UserError(f"{who} has the inversion share {share:g} for {style!r}: expected 0 to 1.")
    rates = _rates(entry.get("rates", {"kind": "proportional"}), f"{who} in its rates", cap)
    return SubmixtureShare(_number(entry["weight"], f"{who} weight"), cap, styles, inversion, rates)


def _rates(entry: Any, who: str, cap: Cap | None) -> Mapping[str, Any]:
    kind = _table(entry, who).get("kind")
    if kind not in _RATES:
        raise UserError(
            f"{who} has the kind {kind!r}: expected one of {', '.join(_RATES)}.{nearest(str(kind), _RATES)}"
        )
    needed = {"kind", *_RATES[kind]}
    _keys(entry, needed, needed, who)
    if cap and kind in ("unimax", "fixed"):
        raise UserError(f"{who} has the kind {kind!r}, which takes no cap: leave one of the two out.")
    for key in _RATES[kind]:
        if kind == "fixed":
            for task, rate in _table(entry[key], who).items():
                _number(rate, f"{who}, task {task!r}")
        elif not _number(entry[key], f"{who}, {key}") > 0:
            raise UserError(f"{who}, {key} is {entry[key]!r}: expected a positive number.")
    return entry


def _keys(entry: Mapping[str, Any], known: set[str], needed: set[str], who: str) -> None:
    for key in entry.keys() - known:
        raise UserError(f"{who} has the unknown key {key!r}.{nearest(key, known)}")
    for key in sorted(needed - entry.keys()):
        raise UserError(f"{who} lacks {key!r}.")


def _table(value: Any, who: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UserError(f"{who} has {value!r} where a table of keys and values was expected.")
    return value


def _numbers(entry: Any, known: Sequence[str], who: str) -> dict[str, float]:
    for key in _table(entry, who).keys() - set(known):
        raise UserError(f"{who} has the unknown key {key!r}: expected {', '.join(known)}.{nearest(key, known)}")
    return {key: _number(value, f"{who} {key}") for key, value in entry.items()}


def _number(value: Any, who: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not (value >= 0 and math.isfinite(value)):
        raise UserError(f"{who} is {value!r}: expected 0 or a positive number.")
    return float(value)
