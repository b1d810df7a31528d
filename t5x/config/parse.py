"""Parsing gin files and flags into gin's config, with errors that name file, line and the nearest names.

Enters: search folders, files, bindings, as the flags give them.
Leaves: gin's global config, locked unless asked otherwise.
Source: T5X's `gin_utils.parse_gin_flags`; files first, in order, then bindings.
Effects: gin's registry and config; imports the modules that the files import.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Sequence

import gin
from gin import config, config_parser
from t5x.config.gin_files import gin_file_search
from t5x.config.gin_text import Statement, scan_bindings, scan_files
from t5x.config.parse_errors import explain
from t5x.config.required_macros import check_config

_REFERENCE = re.compile(r"@(?:\w+/)*([A-Za-z_][\w.]*)")


def register_named(bindings: Sequence[str]) -> None:
    """Registers what flags name but no file has named yet, through the imports of the files.

    A flag has no imports of its own, so gin would know only what a file mentions; this makes
    `--gin.models.EncoderDecoderModel.predict_batch_with_aux.num_decodes=4` work with every run file.
    """
    imports = {item.bound_name(): item for item in config._IMPORTS if not item.module.startswith("__gin__.")}
    for statement in scan_bindings(bindings):
        selectors = [statement.key.rpartition("/")[2].rpartition(".")[0], *_REFERENCE.findall(statement.value)]
        for selector in selectors:
            if config._REGISTRY.matching_selectors(selector) or selector.split(".")[0] not in imports:
                continue
            with config._parse_scope() as context:
                context._enable_dynamic_registration()
                for found in imports.values():
                    context.process_import(found)
                try:
                    context.get_configurable(selector)
                except AttributeError as error:  # a misspelt name, with the flag for its place
                    place = config_parser.Location(None, 1, None, f"{statement.key} = {statement.value}")
                    raise explain(AttributeError(f"{error}{gin.utils._format_location(place)}")) from None


def parse_gin_flags(
    search_paths: Sequence[str],
    files: Sequence[str],
    bindings: Sequence[str],
    skip_unknown: bool | Sequence[str] = False,
    finalize_config: bool = True,
) -> list[Statement]:
    """Parses `files` in order, then `bindings`, and checks that no required value is open.

    Args:
      search_paths: folders that relative file names and includes may start from, besides the usual places.
      files: gin files; a later one overrides an earlier one.
      bindings: `X = Y` texts.
      skip_unknown: as gin's: names that may be unknown.
      finalize_config: check required values and lock the config.

    Returns:
      The bindings as text, each with its file and line.

    Raises:
      UserError: anything that the config does wrong.
    """
    statements = scan_files(files, search_paths) + scan_bindings(bindings)
    try:
        with gin_file_search(search_paths):
            gin.parse_config_files_and_bindings(files, [], finalize_config=False, skip_unknown=skip_unknown)
            register_named(bindings)
            gin.parse_config(bindings, skip_unknown=skip_unknown)
    except (ValueError, NameError, AttributeError, ImportError, SyntaxError, tokenize.TokenError) as error:
        explained = explain(error)
        if explained is None:
            raise
        raise explained from None
    if finalize_config:
        check_config(statements)
        gin.finalize()
    return statements
