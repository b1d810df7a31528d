"""gin's parsing errors as one paragraph: what was misspelt, where it stands, and the nearest names that exist.

Enters: an exception that came out of gin's parser. Leaves: a UserError, or None for anything that is not the config's
fault (an error inside a module that the config imports keeps its traceback).
Source: the messages of gin-config 0.5.0, pinned; gin appends the places, innermost first.
Effects: reads the gin file named by the error, to list its imports.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import tokenize
from collections.abc import Iterable
from typing import Any, NamedTuple

from gin import config
from t5x.config.gin_flags import PREFIX
from t5x.errors import UserError, nearest

_PLACE = re.compile(r'\n  In (?:file "(?P<file>[^"]*)",|bindings string) line (?P<line>\d+)\n    (?P<text>[^\n]*)')
_CALL = re.compile(r"\n  (?:In call to configurable|No values supplied by Gin)")
_PARAMETER = re.compile(r"Configurable '(?P<selector>[^']*)' doesn't have a parameter named '(?P<name>[^']*)'")
_UNKNOWN = re.compile(r"No configurable matching (?:reference )?'(?P<selector>[^']*)'")
_ATTRIBUTE = re.compile(
    r"Couldn't resolve selector (?P<selector>[\w.]+); <(?P<kind>module|class) '(?P<owner>[^']*)'.* has no attribute"
    r" (?P<name>\w+)"
)
_SYMBOL = re.compile(r"'(?P<name>[^']*)' was not provided by an import statement")
_MODULE = re.compile(r"No module named '(?P<name>[^']*)'")
_IMPORTED = re.compile(r"^\s*(?:from\s+[\w.]+\s+)?import\s+([\w.]+)(?:\s+as\s+(\w+))?", re.MULTILINE)
_CHANGED_LATE = re.compile(r"Ambiguous (?:constant )?selector|matches multiple selectors", re.IGNORECASE)


class Place(NamedTuple):
    """Where gin stood: a file and line, or a flag."""

    file: str | None
    line: int
    text: str

    def __str__(self) -> str:
        if self.file is None:
            return f"the flag {PREFIX}{self.text.strip()}"
        return f"{self.file}, line {self.line} (`{self.text.strip()}`)"


def own_words(error: BaseException) -> str:
    """Returns an error's message without the places and calls that gin appended."""
    message = str(error)
    cuts = [match.start() for match in (_PLACE.search(message), _CALL.search(message)) if match]
    return message[: min(cuts)] if cuts else message


def _place(error: BaseException) -> Place | None:
    match = _PLACE.search(str(error))
    return Place(match["file"], int(match["line"]), match["text"]) if match else None


def _parameter_names(selector: str) -> list[str]:
    try:
        configurable = config._REGISTRY.get_match(selector)
    except KeyError:  # several configurables end in this selector
        return []
    return list(inspect.signature(configurable.wrapped).parameters) if configurable else []


def _attribute_names(kind: str, owner: str) -> list[str]:
    module, attributes = owner, []
    while kind == "class" and "." in module:
        module, _, attribute = module.rpartition(".")
        attributes.insert(0, attribute)
        try:
            value: Any = importlib.import_module(module)
        except ImportError:
            continue
        for name in attributes:
            value = getattr(value, name, None)
        return dir(value)
    return dir(importlib.import_module(owner))


def _imported_names(place: Place | None) -> list[str]:
    if place is None or place.file is None or "://" in place.file:
        return []
    with open(place.file, encoding="utf-8") as file:
        return [alias or name.split(".")[0] for name, alias in _IMPORTED.findall(file.read())]


def _short_forms(selectors: Iterable[str]) -> set[str]:
    parts = [selector.split(".") for selector in selectors]
    return {".".join(names[-count:]) for names in parts for count in (1, 2)}


def _explanation(message: str, place: Place | None) -> str | None:
    """Returns what is wrong and the nearest names, or None if the message is not one of gin's about names."""
    if match := _PARAMETER.search(message):
        names = _parameter_names(match["selector"])
        known = f" It takes {', '.join(names)}." if names else ""
        return f"{match['selector']} has no parameter {match['name']!r}.{nearest(match['name'], names)}{known}"
    if match := _ATTRIBUTE.search(message):
        # Started by `python -m`, the main module shows the name it was started by.
        if match["owner"] in ("__main__", getattr(sys.modules["__main__"].__spec__, "name", None)):
            return f"this command has no {match['name']!r}; the file is made for another one of `t5x --help`."
        names = [name for name in _attribute_names(match["kind"], match["owner"]) if not name.startswith("_")]
        return (
            f"{match['owner']} has no {match['name']!r}, named by {match['selector']}.{nearest(match['name'], names)}"
        )
    if match := _SYMBOL.search(message):
        names = _imported_names(place)
        hint = nearest(match["name"], names) or " Add the import, e.g. `from t5x import utils`."
        return f"the config names {match['name']!r}, which the file does not import.{hint}"
    if match := _UNKNOWN.search(message):
        selector = match["selector"].lstrip("@").removesuffix("()")
        known = _short_forms(name for name in config._REGISTRY._selector_map if not name.startswith("gin."))
        return f"no gin file names {selector!r}, so it cannot be bound.{nearest(selector, known)}"
    if match := _MODULE.search(message):
        if place and re.search(rf"\b{re.escape(match['name'].split('.')[0])}\b", place.text):
            return (
                f"the config imports {match['name']!r}, which Python does not find. Install it, or run from the folder"
                " that holds it, or name that folder in PYTHONPATH."
            )
        return None
    return message.rstrip(".") + "." if _CHANGED_LATE.search(message) else None


def _syntax_error(error: SyntaxError) -> UserError | None:
    """Explains a line that is no gin; a syntax error inside an imported Python module is none of ours."""
    file, line, _, text = (error.args[1] if len(error.args) > 1 else (None, 0, 0, ""))[:4]
    if file and file.endswith(".py"):
        return None
    place = Place(file, line, text or "")
    return UserError(f"This is no valid gin: {place}: {str(error.args[0]).splitlines()[0]}.")


def explain(error: Exception) -> UserError | None:
    """Returns the UserError for an exception out of gin's parser, or None if it is not about the config."""
    if isinstance(error, UserError):
        place = _place(error)
        return UserError(f"{own_words(error)} Named by {place}." if place and place.file else own_words(error))
    if isinstance(error, SyntaxError):
        return _syntax_error(error)
    if isinstance(error, tokenize.TokenError):
        return UserError(f"A gin text ends too early or is no valid gin: {error.args[0]}.")
    place = _place(error)
    sentence = _explanation(own_words(error), place)
    return UserError(f"In {place}: {sentence}" if place else sentence) if sentence else None
