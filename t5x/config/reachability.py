"""What a parsed gin config leads to: every configurable that a call of the entry function reaches, with its scope.

Enters: gin's config after parsing, and the entry function.
Leaves: `Visit` records; `unused_bindings` and `required_macros` are read off them.
Source: gin 0.5: a reference with scopes replaces the active scope, one without inherits it, a macro is evaluated in
    the scope of its own name, a binding holds in every scope that starts with its own.
Effects: none; reads gin's registry and config.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from gin import config

MACRO = "gin.macro"
CONSTANT = "gin.constant"


class Visit(NamedTuple):
    """A configurable that is reached with these scopes active; `evaluated`: called by gin, without arguments."""

    scope: tuple[str, ...]
    selector: str
    evaluated: bool


def references_in(value: Any) -> Iterator[config.ConfigurableReference]:
    """Yields the references within a bound value, at any depth."""
    yield from config.iterate_references(value)


def prefixes(scope: tuple[str, ...]) -> list[str]:
    """Returns the scopes whose bindings hold in `scope`, outermost first."""
    return ["/".join(scope[:length]) for length in range(len(scope) + 1)]


def bindings_in(visit: Visit) -> dict[str, Any]:
    """Returns the parameters bound for a visit: those of inner scopes replace those of outer ones."""
    bound: dict[str, Any] = {}
    for scope in prefixes(visit.scope):
        bound |= config._CONFIG.get((scope, visit.selector), {})
    return bound


def selector_of(function: Callable[..., Any]) -> str | None:
    """Returns the name under which gin knows `function`, or None if no config mentioned it."""
    configurable = config._inverse_lookup(function)
    return configurable.selector if configurable else None


def _called_from_python() -> list[Visit]:
    """Returns the configurables that Python code calls through gin without a reference: @gin.configurable ones."""
    visits = []
    for configurable in config._INVERSE_REGISTRY.values():
        if configurable.import_source is not None or configurable.module == "gin":
            continue
        value: Any = sys.modules.get(configurable.wrapped.__module__)
        for name in configurable.wrapped.__qualname__.split("."):
            value = getattr(value, name, None)
        if value is configurable.wrapper:
            visits.append(Visit((), configurable.selector, False))
    return visits


def _methods_of(visit: Visit) -> list[Visit]:
    """Returns the registered methods of a visited class, called within its scope or, later, without one."""
    owner = config._REGISTRY[visit.selector].wrapped
    if not inspect.isclass(owner):
        return []
    return [
        Visit(scope, configurable.selector, False)
        for configurable in config._INVERSE_REGISTRY.values()
        if getattr(owner, configurable.name, None) is configurable.wrapped
        for scope in {visit.scope, ()}
    ]


def _targets(visit: Visit) -> list[Visit]:
    targets = []
    for value in bindings_in(visit).values():
        for reference in references_in(value):
            selector = reference.configurable.selector
            if reference.scopes:
                targets.append(Visit(tuple(reference.scopes), selector, reference.evaluate))
                continue
            targets.append(Visit(visit.scope, selector, reference.evaluate))
            if not reference.evaluate:  # handed over as a function: who calls it may have left the scope
                targets.append(Visit((), selector, False))
    return targets


def reachable(entry: Callable[..., Any]) -> set[Visit]:
    """Returns everything that calling `entry` through gin can reach, itself included."""
    selector = selector_of(entry)
    waiting = [Visit((), selector, True)] if selector else []
    waiting += _called_from_python()
    seen: set[Visit] = set()
    while waiting:
        visit = waiting.pop()
        if visit not in seen:
            seen.add(visit)
            waiting += _targets(visit) + _methods_of(visit)
    return seen


def used_keys(visits: set[Visit]) -> set[tuple[str, str]]:
    """Returns the (scope, selector) pairs of gin's config that hold in at least one visit."""
    return {(scope, visit.selector) for visit in visits for scope in prefixes(visit.scope)}


def short_selector(selector: str) -> str:
    """Returns the last two parts of a selector, the way configs name it: `utils.DatasetConfig`."""
    return ".".join(selector.split(".")[-2:])
