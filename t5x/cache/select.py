"""Which tasks a command line means. Effects: imports modules that register tasks."""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Sequence

import seqio

from t5x.data.installed_tasks import registered_names
from t5x.errors import UserError, nearest

logger = logging.getLogger(__name__)


def import_modules(modules: Sequence[str]) -> None:
    """Imports modules that register tasks. Raises UserError for one that is not there."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise UserError(
                f"--module_import={module}: there is no module {error.name!r}. Give a module that Python can import "
                "from here."
            ) from error


def select(wanted: Sequence[str], excluded: Sequence[str]) -> list[seqio.Task]:
    """Returns the tasks to cache, each once, in the order of their names.

    Args:
      wanted: names of tasks, names of mixtures, which stand for their tasks, or regular expressions of tasks' names.
      excluded: names or regular expressions of tasks to leave out.

    Raises:
      UserError: a name that nothing has or matches, a task named outright that cannot be cached, or none left.
    """
    chosen: set[str] = set()
    for name in wanted:
        chosen |= _meant(name)
    chosen = {name for name in chosen if not any(_pattern(item).fullmatch(name) for item in excluded)}
    if not chosen:
        raise UserError(f"--excluded_tasks={','.join(excluded)} leaves none of the tasks of --tasks.")
    return [seqio.TaskRegistry.get(name) for name in sorted(chosen)]


def _meant(name: str) -> set[str]:
    known = registered_names(name)
    if name in known:
        tasks = seqio.get_subtasks(seqio.get_mixture_or_task(name))
        unfit = sorted(task.name for task in tasks if not task.supports_caching)
        if unfit:
            raise UserError(
                f"--tasks={name}: {', '.join(unfit[:8])} cannot be cached, having no seqio.CacheDatasetPlaceholder "
                "among its preprocessors. Put one where tokenising is done, before what depends on lengths."
            )
        return {task.name for task in tasks}
    matching = {task for task in seqio.TaskRegistry.names() if _pattern(name).fullmatch(task)}
    fit = {task for task in matching if seqio.TaskRegistry.get(task).supports_caching}
    if not matching:
        raise UserError(
            f"--tasks={name}: no SeqIO task or mixture is called so or matches it; {len(known)} are registered."
            f"{nearest(name, known)} Import the module that registers it: --module_import=MODULE."
        )
    if not fit:
        raise UserError(f"--tasks={name}: none of the {len(matching)} tasks that match can be cached.")
    if len(fit) < len(matching):
        logger.info("--tasks=%s: left out, cannot be cached: %s", name, ", ".join(sorted(matching - fit)))
    return fit


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise UserError(f"{text!r} is neither the name of a task nor a regular expression: {error}.") from None
