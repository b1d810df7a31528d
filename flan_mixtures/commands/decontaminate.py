"""`flan-mixtures decontaminate`: which rows of a mixture hold questions that models are evaluated on.

Enters: a mixture, the folders of evaluation sets. Leaves: a report, and a file of rows and tasks to leave out, which
--excluded of other commands and `SourceConfig.excluded` take. Effects: reads data, writes one file, prints.
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from flan_mixtures.commands import flags
from t5x.errors import UserError, nearest

if TYPE_CHECKING:
    from flan_mixtures.decontaminate.eval_texts import EvalText
    from flan_mixtures.rendering.compose import TaskData
    from flan_mixtures.rendering.row import Row

_N = 13  # that of decontaminate/eval_index.py, which is not imported to print help


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument("mixture", help="a mixture; `flan-mixtures list` shows all")
    parser.add_argument(
        "--against",
        metavar="SET=DIR",
        action="append",
        default=[],
        help="an evaluation set, mmlu or bbh, and its folder; may be repeated (default: the folders mmlu and bbh of the"
        " data folder)",
    )
    parser.add_argument(
        "-n", type=flags.positive, default=_N, metavar="N", help="words in common that count (default: %(default)s)"
    )
    parser.add_argument(
        "--rows", type=flags.positive, metavar="N", help="check so many rows of each task, evenly spread, and not all"
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="the file to write, such as removed.json")
    flags.add_source_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Checks the rows and writes the file.

    Raises UserError for an evaluation set that is unknown or cannot be read, and as `parts_of` does.
    """
    from flan_mixtures.commands.output import printable, tracked, waiting
    from flan_mixtures.decontaminate import exclusions
    from flan_mixtures.decontaminate.eval_index import build
    from flan_mixtures.decontaminate.rows import TASK_WORDS, IdFilter, check
    from flan_mixtures.mixtures.mixture import TRAIN, parts_of, task_data

    out = pathlib.Path(arguments.out).expanduser()
    if not out.parent.is_dir() or out.is_dir():
        raise UserError(f"The file {arguments.out!r} cannot be written: expected a file name in a folder that exists.")
    sources = flags.sources(arguments)
    with waiting("looking for data"):
        parts = parts_of(arguments.mixture, sources, TRAIN)
        sets = _evaluation_sets(arguments.against)
        index = build([text for texts in sets.values() for text in texts], arguments.n)
    by_name = IdFilter(tuple(TASK_WORDS[name] for name in sets))
    whole = sorted({part.declaration.task for part in parts if by_name.task_reason(part.declaration.task)})
    here = {part.declaration.task: part.declaration for part in parts if not part.missing}
    with waiting("opening tasks"):
        data = [task_data(declaration, sources, TRAIN) for task, declaration in here.items() if task not in whole]
    count = sum(len(_places(each.rows, arguments.rows)) + len(_own_exemplars(each)) for each in data)
    rows = tracked(_rows(data, arguments.rows), count, "checking rows")
    report = check(rows, index, IdFilter(task_words=()))
    sizes = {each.name: len(each.rows) + len(_own_exemplars(each)) for each in data}
    content = exclusions.as_dict(arguments.mixture, TRAIN, arguments.n, sets, sizes, whole, report)
    exclusions.write(out, content)
    for line in report.lines():
        print(printable(line))
    for task in whole:
        print(f"{task}: excluded as a whole: {by_name.task_reason(task)}")
    looked_for = ", ".join(f"{name} ({len(texts):,} questions)" for name, texts in sets.items())
    print(
        f"{arguments.out}: {report.removed:,} of {report.checked:,} rows of {len(data):,} tasks to leave out, and "
        f"{len(whole):,} whole tasks; looked for {looked_for}"
    )
    if report.checked < sum(sizes.values()):
        print(f"{sum(sizes.values()) - report.checked:,} rows were not checked; without --rows all are.")
    return 0


def _evaluation_sets(against: Sequence[str]) -> Mapping[str, list[EvalText]]:
    from flan_mixtures.decontaminate.eval_texts import READERS
    from flan_mixtures.sources import data_root

    folders: dict[str, pathlib.Path] = {}
    for given in against:
        name, equals, folder = given.partition("=")
        if not (name and equals and folder):
            raise UserError(f"--against {given!r} names no set and folder: expected SET=DIR, as in mmlu=data/mmlu.")
        if name not in READERS:
            raise UserError(
                f"--against: there is no evaluation set {name!r}; there are {', '.join(READERS)}."
                f"{nearest(name, READERS)}"
            )
        if name in folders:
            raise UserError(f"--against names {name!r} twice. Give each evaluation set once.")
        folders[name] = pathlib.Path(folder).expanduser()
    if not folders:
        root = data_root.directory()
        folders = {name: root / name for name in READERS if (root / name).is_dir()}
    if not folders:
        raise UserError(
            f"There is nothing to check against: the data folder has none of the folders {', '.join(READERS)}. Name "
            "one with --against, as in --against mmlu=my/mmlu."
        )
    return {name: READERS[name](folder) for name, folder in folders.items()}


def _places(rows: Sequence[Row], limit: int | None) -> Sequence[int]:
    size = len(rows)
    return range(size) if limit is None or limit >= size else [place * size // limit for place in range(limit)]


def _own_exemplars(data: TaskData) -> Sequence[Row]:
    """Returns exemplars that are no rows of the task, such as those that its authors wrote."""
    return () if data.pool is data.rows else data.pool


def _rows(tasks: Sequence[TaskData], limit: int | None) -> Iterator[Row]:
    for data in tasks:
        yield from (data.rows[place] for place in _places(data.rows, limit))
        yield from _own_exemplars(data)
