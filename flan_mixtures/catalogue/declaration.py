"""What one task is: where its rows come from, which fields they have, which templates render them.

A declaration is a TOML file `flan_mixtures/catalogue/<submixture>/<task>.toml`, about 15 lines:

    dataset = "rte"                      # tasks of one data set share its cap
    cluster = "entailment"
    templates = "entailment_two_way"     # the file in flan_mixtures/templates/
    category = "Natural Language Inference"
    licence = "..."                      # of the data
    languages = ["English"]
    rows = 2290                          # training rows, for previews before anything is read; held-out ones count too

    [fields]                             # template field = field of the record; a dot goes into a structure
    premise = "sentence1"
    hypothesis = "sentence2"

    [answer]
    options = ["yes", "no"]
    label = "label"                      # an index into options, or one of them

    [[sources]]                          # in order of preference
    kind = "tfds"
    name = "glue/rte:2.0.0"
    splits = { train = "train[:-200]", validation = "train[-200:]", test = "validation" }

`[answer]` has one of these forms:
    options = [...]        and label = "field"          fixed options
    options_from = "a.b"   and label = "field"          options in a list field, or in several: ["choice1", "choice2"]
    text = "field"                                      an open answer; of a list, the first is the target, all count
A label is the text of an option or an index; where `labels` (record value = index) or `labels_from` (a list field
beside the options) is given, it is looked up there instead. `references = "field"` names further answers that count.
A source may have its own `fields`, `answer` and `labels`, which replace the task's key by key, its own `adapter`, and
`id = "field"` for the rows' ids. Its `exemplars` names the split that few-shot exemplars are taken from, where that is
not the query's own. `adapter = "name"` calls a function of flan_mixtures/catalogue/adapters/ on each record first; it
may leave the record out. `[long]` says what may be shortened when a prompt is too long, and where: head, tail or middle
is cut. A source without a validation split may say `hold_out = { validation = 0.02 }`.
Effects: reads declaration files, each once.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import tomllib
from collections.abc import Mapping
from typing import Any

from flan_mixtures.catalogue.declaration_form import check_declaration
from t5x.errors import UserError

SUBMIXTURES = ("flan2021", "t0", "niv2", "cot", "dialog")


@dataclasses.dataclass(frozen=True)
class Declaration:
    """One task of the catalogue. See the module's text for what the fields hold.

    Attributes:
      task: its name.
      submixture: one of `SUBMIXTURES`, or the user's own.
      sources: each a mapping with `kind` and what that kind needs, in order of preference.
    """

    task: str
    submixture: str
    dataset: str
    templates: str
    sources: tuple[Mapping[str, Any], ...]
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)
    answer: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    adapter: str = ""
    long: Mapping[str, str] = dataclasses.field(default_factory=dict)
    rows: int | None = None
    cluster: str = ""
    category: str = ""
    licence: str = ""
    languages: tuple[str, ...] = ("English",)
    ordered_options: bool = False  # options that mean something by their order are never shuffled


@functools.cache
def declarations(submixture: str) -> dict[str, Declaration]:
    """Returns the declarations that come with the package for one submixture, by task name, sorted."""
    folder = importlib.resources.files("flan_mixtures").joinpath("catalogue", submixture)
    if not folder.is_dir():
        return {}
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    parsed = (parse(entry.name.removesuffix(".toml"), submixture, entry.read_text(encoding="utf-8")) for entry in files)
    return {declaration.task: declaration for declaration in parsed}


def parse(task: str, submixture: str, text: str) -> Declaration:
    """Returns the declaration that a file's text describes.

    Raises:
      UserError: the text is no TOML, has an unknown key, lacks one, or has a value of another type; names task and key.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"The declaration of task {task!r} is no TOML: {error}.") from error
    check_declaration(content, f"The declaration of task {task!r}")
    content["sources"] = tuple(content["sources"])
    content["languages"] = tuple(content.get("languages", ("English",)))
    return Declaration(task=task, submixture=submixture, **content)
