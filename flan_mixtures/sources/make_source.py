"""From the mapping in a declaration's `sources` to the source. Effects: none; making a source touches nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from flan_mixtures.sources.delimited import CsvSource, TsvSource
from flan_mixtures.sources.filtered import FilteredSource
from flan_mixtures.sources.generated import GeneratedSource
from flan_mixtures.sources.held_out import HeldOutSource
from flan_mixtures.sources.hf_folder import HfSource
from flan_mixtures.sources.jsonl import JsonlSource
from flan_mixtures.sources.natural_instructions import NaturalInstructionsSource
from flan_mixtures.sources.p3 import P3Source
from flan_mixtures.sources.parquet import ParquetSource
from flan_mixtures.sources.source import Source
from flan_mixtures.sources.source_config import SourceConfig
from flan_mixtures.sources.split_slice import SlicedSource
from flan_mixtures.sources.tfds_source import TfdsSource
from t5x.errors import UserError, nearest

KINDS: Mapping[str, Callable[..., Source]] = {
    kind.kind: kind
    for kind in (
        JsonlSource,
        CsvSource,
        TsvSource,
        ParquetSource,
        HfSource,
        TfdsSource,
        NaturalInstructionsSource,
        P3Source,
        GeneratedSource,
    )
}
# What a source says about rows, and what any kind takes; the rest are the parameters of the kind's class.
ROW_KEYS = ("fields", "answer", "labels", "adapter", "id", "exemplars")
_ANY_KIND = ("splits", "where", "hold_out")
_FROM_CONFIG = ("on_malformed", "download")


def make_source(mapping: Mapping[str, Any], config: SourceConfig | None = None) -> Source:
    """Returns the source that a mapping describes.

    Besides the keys of its kind (see the kind's file) it may have `splits`, whose slices are taken from the source's
    own splits; `where`, a field and the value that its records must have; `hold_out`, splits that are shares of its
    training rows; and `ROW_KEYS`, which are for whoever makes rows of its records.

    Raises:
      UserError: an unknown kind, an unknown key, a missing key or a value of the wrong type.
    """
    config = config or SourceConfig()
    kind = mapping.get("kind")
    if kind not in KINDS:
        raise UserError(
            f"A source has the kind {kind!r}.{nearest(str(kind), KINDS)} The kinds are {', '.join(sorted(KINDS))}."
        )
    parameters = inspect.signature(KINDS[kind]).parameters
    values = {key: value for key, value in mapping.items() if key not in ("kind", *_ANY_KIND, *ROW_KEYS)}
    known = (set(parameters) - set(_FROM_CONFIG)) | {"kind", *_ANY_KIND, *ROW_KEYS}
    for key in mapping.keys() - known:
        raise UserError(
            f"A {kind} source has the unknown key {key!r}.{nearest(key, known)} It may have {', '.join(sorted(known))}."
        )
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in values:
            raise UserError(f"A {kind} source lacks the key {name!r}; it has {', '.join(map(repr, mapping))}.")
        if name in values:
            _check_type(kind, name, values[name])
    values |= {name: getattr(config, name) for name in _FROM_CONFIG if name in parameters}
    if "data_dir" in parameters:
        values["data_dir"] = values.get("data_dir") or config.tfds_data_dir
    source = KINDS[kind](**values)
    if mapping.get("splits"):
        source = SlicedSource(source, mapping["splits"])
    if mapping.get("where"):
        made_of = repr({key: value for key, value in mapping.items() if key not in ("where", *ROW_KEYS)})
        source = FilteredSource(source, mapping["where"], made_of)
    return HeldOutSource(source, mapping["hold_out"]) if mapping.get("hold_out") else source


_TYPES = {"files": Mapping, "counts": Mapping, "arguments": Mapping, "columns": (list, tuple), "escapes": bool}


def _check_type(kind: str, name: str, value: object) -> None:
    expected = _TYPES.get(name, str)  # what is not listed is a name or a path
    words = {Mapping: "a table such as { train = ... }", bool: "true or false", str: "a text"}.get(expected, "a list")
    empty = name in ("files", "counts", "path", "name", "function") and not value
    if not isinstance(value, expected) or empty:
        raise UserError(f"A {kind} source has {name} = {value!r}: expected {words}{', not empty' if empty else ''}.")
