"""A mixture: the tasks a name stands for, their data as far as it is there, and which example stands at each position.

Enters: a mixture's name, what the user says about sources, a split, a seed. Leaves: a `Mixture`, whose examples are
read by position, so that any worker or host reads any part of it, and a reader restarts anywhere.
Weights come from declared numbers of training rows, where there are some, and not from what lies on this machine:
a sample of a data set has the weight of the whole. Effects: opens sources.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from flan_mixtures.catalogue import catalogue
from flan_mixtures.catalogue.declaration import Declaration
from flan_mixtures.catalogue.task_rows import TaskRows
from flan_mixtures.decontaminate.exclusions import Exclusions, exclusions
from flan_mixtures.mixtures.names import Definition, definition
from flan_mixtures.mixtures.presets import TaskShare, task_shares
from flan_mixtures.mixtures.rates import Part
from flan_mixtures.mixtures.schedule import BLOCK, Place, Schedule
from flan_mixtures.rendering.compose import TaskData, composing
from flan_mixtures.rendering.fit import Encode, EncodeMany, Fitted, Fitting, LeftOut, Lengths, one_by_one, run
from flan_mixtures.rendering.row import ANSWER, Row
from flan_mixtures.rendering.style import StyleDistribution
from flan_mixtures.sources.available import sources_of
from flan_mixtures.sources.source_config import SourceConfig
from t5x.errors import UserError

_LOG = logging.getLogger(__name__)

TRAIN = "train"
# What a task without a declared size weighs until it is read; the median of the NIv2 tasks (flan_collection metadata).
_TYPICAL_ROWS = 1998
_WITHOUT_OPTIONS = {"zsnoopt": "zsopt", "fsnoopt": "fsopt"}


@dataclasses.dataclass(frozen=True)
class MixturePart:
    """One task in one style.

    Attributes:
      name: `task/style`.
      declaration: the task.
      styles: what its prompts are drawn from.
      asked: the share of the mixture it was to have.
      share: the share it has, since some data is missing; 0 where its own is.
      missing: why its data is not read here, or "": it is not there, or it is excluded.
    """

    name: str
    declaration: Declaration
    styles: StyleDistribution
    asked: float
    share: float
    missing: str = ""


def parts_of(name: str, sources: SourceConfig, split: str = TRAIN) -> tuple[MixturePart, ...]:
    """Returns the parts of a mixture, those without data here too. Looks for sources and reads no data.

    A style that hides options is one with the style that shows them where a task has none: the two would be the same
    examples twice.

    Raises:
      UserError: an unknown name, no source at all, a missing one where `sources.on_missing` is `error`, or a file of
        excluded rows that cannot be read.
    """
    wanted = definition(name)
    declared = {
        submixture: {
            task: declaration
            for task, declaration in catalogue.tasks(submixture).items()
            if wanted.tasks is None or task in wanted.tasks
        }
        for submixture in wanted.preset.submixtures
    }
    declarations = {task: each for group in declared.values() for task, each in group.items()}
    missing = {task: reason for task, each in declarations.items() if (reason := _missing(each, sources, split))}
    excluded = exclusions(sources.excluded)
    absent = {task: reason for task, reason in missing.items() if task not in excluded.tasks}
    if absent and sources.on_missing == "error":
        raise UserError(
            f"The mixture {name!r} lacks {len(absent)} of {len(declarations)} tasks; the first is "
            f"{_first(absent)}. Provide them, or leave missing ones out with SourceConfig.on_missing = 'skip'."
        )
    if len(missing) == len(declarations):
        raise UserError(
            f"The mixture {name!r} has no task that can be read here: none of its {len(declarations)} tasks has a "
            f"source with the split {split!r}; the first is {_first(missing)}. `flan-mixtures availability {name}` "
            "shows where each is looked for."
        )
    shares = task_shares(
        wanted.preset,
        {submixture: [_sized(each) for each in group.values()] for submixture, group in declared.items() if group},
        [task for task in declarations if task not in missing],
    )
    return _by_style(wanted, shares, declarations, missing)


def _first(missing: Mapping[str, str]) -> str:
    task, reason = next(iter(missing.items()))
    return f"{task!r} ({reason})"


def _missing(declaration: Declaration, sources: SourceConfig, split: str) -> str:
    excluded = exclusions(sources.excluded).reason(declaration.task)
    if excluded:
        return excluded
    states = [(source, source.missing()) for _, source in sources_of(declaration, sources)]
    if any(state is None and split in source.splits for source, state in states):
        return ""
    present = [source for source, state in states if state is None]
    if present:
        return f"no split {split!r} in {present[0].describe()}"
    return "; ".join(f"{source.describe()}: {state}" for source, state in states)


def assumed_rows(declaration: Declaration) -> int:
    """Returns the declared training rows of a task, or those of a typical one where none are declared."""
    return _TYPICAL_ROWS if declaration.rows is None else declaration.rows


def _sized(declaration: Declaration) -> Part:
    return Part(declaration.task, declaration.dataset, assumed_rows(declaration))


def _by_style(
    wanted: Definition,
    shares: Sequence[TaskShare],
    declarations: Mapping[str, Declaration],
    missing: Mapping[str, str],
) -> tuple[MixturePart, ...]:
    parts: dict[str, MixturePart] = {}
    for share in shares:
        declaration = declarations[share.task]
        submixture = wanted.preset.submixtures[share.submixture]
        total = sum(submixture.styles.values())
        has_options = catalogue.templates(declaration.templates).options
        for style, weight in submixture.styles.items():
            if not has_options and len(submixture.styles) > 1:
                style = _WITHOUT_OPTIONS.get(style, style)
            name = f"{share.task}/{style}"
            before = parts.get(name)
            parts[name] = MixturePart(
                name,
                declaration,
                dataclasses.replace(catalogue.style(style), inverted=submixture.inverted(style)),
                (before.asked if before else 0.0) + share.asked * weight / total,
                (before.share if before else 0.0) + share.got * weight / total,
                missing.get(share.task, ""),
            )
    return tuple(parts.values())


class Mixture:
    """The examples of one split of a mixture, by position.

    Attributes:
      name: what was asked for.
      parts: the tasks and styles that can be read here.
      missing: those that cannot.
      schedule: what stands where.
    """

    def __init__(self, name: str, sources: SourceConfig | None = None, split: str = TRAIN, seed: int = 0):
        """Lays the mixture out. Raises UserError as `parts_of` does."""
        self.name, self.split, self.seed = name, split, seed
        self._sources = sources or SourceConfig()
        everything = parts_of(name, self._sources, split)
        self.parts = tuple(part for part in everything if not part.missing)
        self.missing = tuple(part for part in everything if part.missing)
        self._data: dict[str, TaskData] = {}
        self._last_block: tuple[int, tuple[list[int], ...]] = (-1, ())  # readers go from position to position
        sizes = [(part.name, len(self.data(part).rows), part.share) for part in self.parts]
        self.schedule = Schedule(sizes, seed)
        self._report(len({part.declaration.task for part in everything}))

    def _report(self, task_count: int) -> None:
        excluded = exclusions(self._sources.excluded)
        if excluded.file:
            _report_excluded(self.name, excluded)
        absent = {part.declaration.task for part in self.missing} - excluded.tasks
        if absent:
            _LOG.warning(
                "%s: %d of %d tasks have no data here and are left out; the others share their weight. "
                "`flan-mixtures availability %s` shows what is missing.",
                self.name,
                len(absent),
                task_count,
                self.name,
            )

    def data(self, part: MixturePart) -> TaskData:
        """Returns the rows and templates of a part's task."""
        task = part.declaration.task
        if task not in self._data:
            self._data[task] = task_data(part.declaration, self._sources, self.split)
        return self._data[task]

    @functools.cached_property
    def row_count(self) -> int:
        """How many rows the parts have together."""
        return int(self.schedule.rows.sum())

    def places(self, positions: Iterable[int]) -> Iterator[Place]:
        """Yields what stands at each position.

        In the training split that is as scheduled. Other splits hold each row of each part once, part after part.
        """
        for position in positions:
            if self.split == TRAIN:
                part, epoch, row = (column[position % BLOCK] for column in self._block(int(position) // BLOCK))
                yield Place(part, epoch, row)
            else:
                part = int(np.searchsorted(self._ends, position, side="right"))
                yield Place(part, 0, int(position - self._ends[part] + self.schedule.rows[part]))

    def example_at(self, place: Place, lengths: Lengths, encode: Encode) -> Fitted | LeftOut:
        """Returns the row of a place, as it is rendered in that pass over its part."""
        return self.examples_at([place], lengths, one_by_one(encode))[0]

    def examples_at(self, places: Iterable[Place], lengths: Lengths, encode: EncodeMany) -> list[Fitted | LeftOut]:
        """Returns the same of several places, in order, tokenised together."""
        return run([self._composing(place, lengths) for place in places], encode)

    def _composing(self, place: Place, lengths: Lengths) -> Fitting:
        part = self.parts[place.part]
        return composing(self.data(part), place.row, part.styles, lengths, seed=self.seed, epoch=place.epoch)

    @functools.cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum(self.schedule.rows)

    def _block(self, block: int) -> tuple[list[int], list[int], list[int]]:
        last = self._last_block  # looked at once: another thread may read another block meanwhile
        if last[0] != block:
            places = self.schedule.block(block)
            last = self._last_block = block, (places.part.tolist(), places.epoch.tolist(), places.row.tolist())
        return last[1]


def _report_excluded(name: str, excluded: Exclusions) -> None:
    """Logs what a file excludes, and warns of tasks in it that do not exist: a misspelt one would be trained on."""
    _LOG.info(
        "%s: %s excludes %d tasks and %d rows.",
        *(name, excluded.file, len(excluded.tasks), sum(map(len, excluded.rows.values()))),
    )
    known = {task for submixture in catalogue.submixtures() for task in catalogue.tasks(submixture)}
    unknown = sorted((excluded.tasks | excluded.rows.keys()) - known)
    if unknown:
        _LOG.warning("%s: %s names tasks that do not exist here: %s.", name, excluded.file, ", ".join(unknown[:5]))


def task_data(declaration: Declaration, sources: SourceConfig, split: str) -> TaskData:
    """Opens a task. Raises UserError where none of its sources has the split, it is empty, or it is excluded."""
    excluded = exclusions(sources.excluded)
    if declaration.task in excluded.tasks:
        raise UserError(
            f"Task {declaration.task!r} is {excluded.reason(declaration.task)}. Take it out of the list of tasks there "
            "to read it."
        )
    readable = (
        (mapping, source)
        for mapping, source in sources_of(declaration, sources)
        if source.missing() is None and split in source.splits
    )
    mapping, source = next(readable, (None, None))
    if source is None:
        raise UserError(
            f"Task {declaration.task!r} cannot be read: {_missing(declaration, sources, split)}. Put the data where a "
            "source expects it, or map the data set to its place with SourceConfig.paths or --path."
        )
    rows = TaskRows(declaration, source, split, mapping, sources.on_malformed)
    if not len(rows):
        skipped = f" but {rows.malformed} malformed and {rows.left_out} left out by its adapter"
        raise UserError(
            f"Task {declaration.task!r} has no rows: {source.describe()}, split {split!r}, has none"
            f"{skipped if rows.malformed or rows.left_out else ''}. Mend the data, or take the task out of the mixture."
        )
    pool: Sequence[Row] = rows
    exemplars = mapping.get("exemplars")
    if exemplars in source.splits:  # a pool of their own, which no query of this split is in
        pool = TaskRows(declaration, source, exemplars, mapping, sources.on_malformed)
    elif exemplars:
        pool = _written_exemplars(declaration, getattr(source, exemplars)(), rows[0])
    templates = catalogue.templates(declaration.templates)
    left_out = excluded.rows.get(declaration.task, frozenset())
    return TaskData(declaration.task, templates, rows, pool, declaration.long, left_out)


def _written_exemplars(declaration: Declaration, examples: Sequence[Mapping[str, str]], like: Row) -> tuple[Row, ...]:
    """Returns exemplars that a task's authors wrote; what they do not say is the same in every row of the task."""
    exemplars = []
    for number, example in enumerate(examples):
        texts = {key: str(value).strip() for key, value in example.items()}  # stripped as the texts of rows are
        fields = {**like.fields, **texts, ANSWER: texts["output"]}
        exemplars.append(Row(declaration.task, f"{declaration.task}/exemplars/{number}", fields))
    return tuple(exemplars)
