"""Phrasings of a family of tasks, read from a data file in `flan_mixtures/templates/`.

A family is a set of tasks whose rows have the same fields, for example all two-way entailment. Its file:

    fields = ["premise", "hypothesis"]      # what its rows carry besides `answer`
    options = true                          # whether its rows have answer options
    instructions = ["Decide whether ..."]   # said once, or with every exemplar, in few-shot prompts

    [[zero_shot]]
    id = "does-it-follow"                   # never reused for another wording
    input = "{premise}\n\nDoes it follow that {hypothesis}?"

    [[few_shot]]                            # the body of every exemplar and of the query; says little itself
    id = "premise-hypothesis"
    input = "{premise}\n{hypothesis}"
    target_prefix = "Follows: "

    [[inversion]]                           # predicts another field than the answer
    id = "write-a-hypothesis"
    predicts = ["hypothesis"]
    input = "{premise}\nWrite a sentence. Does it follow from the text above? {answer}."
    target = "{hypothesis}"

`input` must stand without options; with options they follow on a new line, or `input_with_options` says where with
`{options}`. Effects: reads template files, each once.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import pathlib
import string
import tomllib
from collections.abc import Mapping
from typing import Any

from flan_mixtures.rendering.row import ANSWER
from flan_mixtures.rendering.template_form import FAMILY, TEMPLATE, check_types
from flan_mixtures.sources.text_file import read_text
from t5x.errors import UserError, nearest

OPTIONS = "options"  # the slot for the answer options
KINDS = ("zero_shot", "few_shot", "inversion")


@dataclasses.dataclass(frozen=True)
class Template:
    """One phrasing. Texts name fields in braces.

    Attributes:
      id: its name within the family.
      kind: `zero_shot`, `few_shot` or `inversion`; an inversion serves with and without exemplars.
      input: what is asked, without options.
      input_with_options: what is asked where options are shown; holds `{options}`.
      target: what the model has to say.
      exemplar_target: what stands as the target of an exemplar, if that differs from the query's.
      instruction: what an inversion says once above exemplars; the family's instructions are about the forward task.
      input_prefix: before the input, in few-shot prompts.
      target_prefix: before the target in exemplars, and at the end of a few-shot prompt.
      delimiter: between input and target.
      separator: between examples.
      predicts: the fields that the target holds; empty for the answer.
      mixable: whether it may stand beside other templates in one prompt.
      index: its place among the templates of its kind.
    """

    id: str
    kind: str
    input: str
    input_with_options: str
    target: str = "{answer}"
    exemplar_target: str = ""
    instruction: str = ""
    input_prefix: str = ""
    target_prefix: str = ""
    delimiter: str = "\n"
    separator: str = "\n\n"
    predicts: tuple[str, ...] = ()
    mixable: bool = True
    index: int = 0


@dataclasses.dataclass(frozen=True)
class Family:
    """The phrasings of one family, in file order.

    Attributes:
      name: the file's name without its ending.
      fields: what every row of the family carries besides `answer`.
      options: whether its rows have answer options.
      instructions: sentences about the task that name no field but those of `task_fields`.
      task_fields: fields that are the same in every row of a task, such as a task's definition.
      zero_shot, few_shot, inversions: the templates of each kind.
    """

    name: str
    fields: tuple[str, ...]
    options: bool
    instructions: tuple[str, ...]
    task_fields: tuple[str, ...]
    zero_shot: tuple[Template, ...]
    few_shot: tuple[Template, ...]
    inversions: tuple[Template, ...]

    def templates(self, kind: str) -> tuple[Template, ...]:
        """Returns the templates of one of `KINDS`."""
        return {"zero_shot": self.zero_shot, "few_shot": self.few_shot, "inversion": self.inversions}[kind]


def family_names() -> tuple[str, ...]:
    """Returns the names of the families that come with the package, sorted."""
    return tuple(sorted(path.name.removesuffix(".toml") for path in _folder().iterdir() if path.name.endswith(".toml")))


@functools.cache
def family(name: str) -> Family:
    """Returns a family that comes with the package. Raises UserError for an unknown name or a malformed file."""
    if name not in family_names():
        raise UserError(
            f"There is no template family {name!r}.{nearest(name, family_names())} "
            "The families are the files in flan_mixtures/templates/."
        )
    return parse_family(name, _folder().joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def read_family(path: pathlib.Path) -> Family:
    """Returns the family in a file of the user's own. Raises UserError for a malformed file."""
    text = read_text(path)
    try:
        return parse_family(path.stem, text)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def parse_family(name: str, text: str) -> Family:
    """Returns the family that a file's text describes.

    Raises:
      UserError: the text is no TOML, has a key too many or too few, or a value of the wrong type; names the template.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"The template file of family {name!r} is no TOML: {error}.") from error
    known = {"fields", "options", "instructions", "task_fields", *KINDS}
    for key in content.keys() - known:
        raise UserError(f"The template file of family {name!r} has the unknown key {key!r}.{nearest(key, known)}")
    for key in ("fields", "options"):
        if key not in content:
            raise UserError(f"The template file of family {name!r} lacks `{key} = ...` at its top.")
    check_types(content, FAMILY, f"The template file of family {name!r}")
    return Family(
        name=name,
        fields=tuple(content["fields"]),
        options=content["options"],
        instructions=tuple(content.get("instructions", ())),
        task_fields=tuple(content.get("task_fields", ())),
        zero_shot=_templates(name, content, "zero_shot"),
        few_shot=_templates(name, content, "few_shot"),
        inversions=_templates(name, content, "inversion"),
    )


def slots(text: str) -> tuple[str, ...]:
    """Returns the names in braces, in order; `{{` is a brace. Raises UserError for a brace that is not closed."""
    try:
        return tuple(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)
    except ValueError as error:
        raise UserError(
            f"A template has broken braces ({error}) in {text!r}: expected names of fields, such as {{question}}, and "
            "two braces for one that is shown. `flan-mixtures lint` says where."
        ) from error


def _templates(family_name: str, content: Mapping[str, Any], kind: str) -> tuple[Template, ...]:
    entries = content.get(kind, ())
    return tuple(dataclasses.replace(_template(family_name, e, kind), index=i) for i, e in enumerate(entries))


def _template(family_name: str, entry: Mapping[str, Any], kind: str) -> Template:
    known = {field.name for field in dataclasses.fields(Template)} - {"kind", "index"}
    name = entry.get("id", "?")
    where = f"Template {name!r} of family {family_name!r}"
    for key in entry.keys() - known:
        raise UserError(f"{where} has the unknown key {key!r}.{nearest(key, known)}")
    for key in ("id", "input", *(("predicts", "target") if kind == "inversion" else ())):
        if key not in entry:
            raise UserError(f"{where} lacks {key!r}.")
    check_types(entry, TEMPLATE, where)
    values = {**entry, "kind": kind, "predicts": tuple(entry.get("predicts", ()))}
    values.setdefault("input_with_options", f"{values['input']}\n{{{OPTIONS}}}")
    return Template(**values)


def predicted_fields(template: Template) -> tuple[str, ...]:
    """Returns the fields that the template's target holds."""
    return template.predicts or (ANSWER,)


def _folder() -> Any:
    return importlib.resources.files("flan_mixtures").joinpath("templates")
