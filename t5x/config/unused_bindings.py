"""Bindings that nothing uses: misspelt scopes, misspelt macros, parameters of things that the run never builds.

gin accepts all of these in silence. Only bindings that the user wrote are reported: flags and the user's own files;
the project's files bind more than each run uses.
Enters: gin's parsed config, the entry function, the statements as text (`gin_text.scan_files`).
Effects: none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gin import config
from t5x.config.gin_files import project_gin_folder
from t5x.config.gin_text import Statement
from t5x.config.reachability import MACRO, Visit, reachable, short_selector, used_keys
from t5x.errors import nearest


class Unused(NamedTuple):
    """A binding that no call reaches, where it was written, and the most likely reason."""

    key: str
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: nothing uses {self.key}.{self.reason}"


def _from_project(statement: Statement) -> bool:
    return statement.file is not None and statement.file.startswith(str(project_gin_folder()) + os.sep)


def _writes(statement: Statement, scope: str, selector: str, parameter: str) -> bool:
    """Whether a statement of the text is the binding that gin holds under this key."""
    if selector == MACRO:
        return statement.key == scope
    written_scope, _, rest = statement.key.rpartition("/")
    written_selector, _, written_parameter = rest.rpartition(".")
    # Files may import a module under another name, so only the last part of the selector is sure.
    same_end = written_selector.rpartition(".")[2] == selector.rpartition(".")[2]
    return (written_scope, written_parameter) == (scope, parameter) and same_end


def _reason(scope: str, selector: str, visits: set[Visit]) -> str:
    if selector == MACRO:
        return nearest(scope, {"/".join(visit.scope) for visit in visits if visit.selector == MACRO})
    short = short_selector(selector)
    scopes = {"/".join(visit.scope) for visit in visits if visit.selector == selector}
    if not scopes:
        return f" The run never calls {short}.{nearest(short, {short_selector(visit.selector) for visit in visits})}"
    used = ", ".join(f"{scope}/{short}" if scope else short for scope in sorted(scopes))
    return f" The run uses {used}.{nearest(scope, scopes)}"


def unused_bindings(entry: Callable[..., Any], statements: Sequence[Statement]) -> list[Unused]:
    """Returns the bindings written by the user that no call starting at `entry` reaches."""
    visits = reachable(entry)
    used = used_keys(visits)
    found = []
    for (scope, selector), parameters in config._CONFIG.items():
        if (scope, selector) in used:
            continue
        for parameter in parameters:
            writers = [item for item in statements if _writes(item, scope, selector, parameter)]
            if writers and _from_project(writers[-1]):
                continue
            key = scope if selector == MACRO else f"{scope}/{short_selector(selector)}.{parameter}".lstrip("/")
            place = writers[-1].place if writers else "config"
            found.append(Unused(key, place, _reason(scope, selector, visits)))
    return found
