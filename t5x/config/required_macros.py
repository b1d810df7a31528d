"""Which values a config demands: a scan of its text for help and early checks, and the exact check after parsing.

A macro is required when its last definition is `%gin.REQUIRED`, or when it is used and never defined.
Source: T5X's run files; gin names only the first missing value and, for an undefined macro, prints the whole config.
Effects: none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from t5x.config.gin_text import REQUIRED, Statement
from t5x.errors import UserError

# Macros that files of one kind use and files of another kind define.
USUAL_SOURCE = {
    "MODEL": "from a model file, e.g. --gin_file=gin/models/t5_1_1/small.gin before the run file",
    "VOCABULARY": "from a model file, e.g. --gin_file=gin/models/t5_1_1/small.gin",
    "DROPOUT_RATE": "from a run file or a flag, e.g. --gin.DROPOUT_RATE=0.1",
}


def macro_table(statements: Iterable[Statement]) -> dict[str, Statement]:
    """Returns the last definition of each macro, in the order of first definition."""
    return {statement.key: statement for statement in statements if statement.is_macro}


def defaulted_macros(statements: Sequence[Statement]) -> list[Statement]:
    """Returns the definitions in force of macros that have a value."""
    return [statement for statement in macro_table(statements).values() if REQUIRED not in statement.macros]


def required_in_text(statements: Sequence[Statement]) -> dict[str, str]:
    """Returns the macros that the text leaves open, each with the comment beside its definition."""
    table = macro_table(statements)
    left_open = {name: statement.comment for name, statement in table.items() if REQUIRED in statement.macros}
    used = {name for statement in statements for name in statement.macros}
    # A name with a dot is a constant of a Python module, which text cannot know.
    undefined = sorted(name for name in used - table.keys() if "." not in name)
    return left_open | {name: USUAL_SOURCE.get(name, "used and never defined") for name in undefined}


def check_text(statements: Sequence[Statement]) -> None:
    """Raises UserError if the text leaves a macro at `%gin.REQUIRED`; needs no gin and no slow import."""
    table = macro_table(statements)
    if any(REQUIRED in statement.macros for statement in table.values()):
        raise UserError(missing_message(required_in_text(statements), statements))


def _set_back(name: str, statements: Sequence[Statement]) -> str:
    """Explains a macro that was set and then required again by a file that was read later."""
    definitions = [statement for statement in statements if statement.key == name]
    given = [statement for statement in definitions if REQUIRED not in statement.macros]
    if not given or REQUIRED not in definitions[-1].macros:
        return ""
    return (
        f" {given[-1].place} sets {name} = {given[-1].value}, but {definitions[-1].place} is read after it and requires"
        f" {name} again: include that file first, then the one that sets the value."
    )


def missing_message(missing: dict[str, str], statements: Sequence[Statement]) -> str:
    """Returns the one paragraph that names every missing value, what it is, and the flags that set them."""
    named = [f"{name} ({comment})" if comment else name for name, comment in missing.items()]
    plural = "s" if len(missing) > 1 else ""
    flags = " ".join(f"--gin.{name}=..." for name in missing if name not in ("MODEL", "VOCABULARY"))
    advice = f" Set with {flags}, or in a gin file." if flags else ""
    set_back = "".join(_set_back(name, statements) for name in missing)
    return f"The config leaves {len(missing)} required value{plural} open: {', '.join(named)}.{advice}{set_back}"


def _binding_name(scope: str, selector: str, parameter: str) -> str:
    from t5x.config.reachability import MACRO, short_selector

    if selector == MACRO:
        return scope
    return f"{scope}/{short_selector(selector)}.{parameter}".lstrip("/")


def missing_in_config() -> dict[str, str]:
    """Returns what gin's parsed config leaves open: macros and parameters at REQUIRED, and macros never defined."""
    from gin import config
    from t5x.config.reachability import CONSTANT, MACRO, references_in

    missing = {}
    for (scope, selector), parameters in config._CONFIG.items():
        for parameter, value in parameters.items():
            for reference in references_in(value):
                kind, target = reference.configurable.selector, "/".join(reference.scopes)
                if kind == CONSTANT and target == REQUIRED:
                    missing[_binding_name(scope, selector, parameter)] = ""
                elif kind == MACRO and (target, MACRO) not in config._CONFIG:
                    used_by = f"used by {_binding_name(scope, selector, parameter)}, never defined"
                    missing[target] = USUAL_SOURCE.get(target, used_by)
    return missing


def check_config(statements: Sequence[Statement] = ()) -> None:
    """Raises UserError if gin's parsed config leaves any value open, naming all of them at once."""
    missing = missing_in_config()
    if missing:
        comments = required_in_text(statements)
        missing = {name: note or comments.get(name, "") for name, note in missing.items()}
        raise UserError(missing_message(missing, statements))


def _parameters_without_value(function: Callable[..., Any]) -> list[str]:
    from gin import config

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function written in C
        return []
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [
        parameter.name
        for parameter in parameters
        if parameter.kind in named and (parameter.default is parameter.empty or parameter.default is config.REQUIRED)
    ]


def check_parameters(entry: Callable[..., Any], statements: Sequence[Statement] = ()) -> None:
    """Raises UserError if something that gin calls on the way from `entry` would lack an argument."""
    from gin import config
    from t5x.config.reachability import bindings_in, reachable

    missing = {}
    for visit in sorted(visit for visit in reachable(entry) if visit.evaluated):
        configurable = config._REGISTRY[visit.selector]
        if configurable.module == "gin":
            continue
        bound = bindings_in(visit)
        for parameter in _parameters_without_value(configurable.wrapped):
            if parameter not in bound:
                missing[_binding_name("/".join(visit.scope), visit.selector, parameter)] = ""
    if missing:
        raise UserError(missing_message(missing, statements))
