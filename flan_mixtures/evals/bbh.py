"""BIG-Bench Hard: its files, its published prompts, and the prompts made of them.

Enters: the `bbh` folder of the public repository: `tasks/<name>.json` (questions and answers) and
`cot-prompts/<name>.txt` (a task description and worked exemplars). Leaves: questions, and prompt texts.
Source: Suzgun et al. 2022. 27 files, 6,511 questions; two families come in three sizes, so papers count 23 tasks.
Evaluation data only: its authors ask that it is never trained on. Effects: reads files.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re

from flan_mixtures.evals.answer import extract_answer
from flan_mixtures.sources.json_file import read_json
from flan_mixtures.sources.text_file import read_text
from t5x.errors import UserError

NAMES = (
    "boolean_expressions",
    "causal_judgement",
    "date_understanding",
    "disambiguation_qa",
    "dyck_languages",
    "formal_fallacies",
    "geometric_shapes",
    "hyperbaton",
    "logical_deduction_five_objects",
    "logical_deduction_seven_objects",
    "logical_deduction_three_objects",
    "movie_recommendation",
    "multistep_arithmetic_two",
    "navigate",
    "object_counting",
    "penguins_in_a_table",
    "reasoning_about_colored_objects",
    "ruin_names",
    "salient_translation_error_detection",
    "snarks",
    "sports_understanding",
    "temporal_sequences",
    "tracking_shuffled_objects_five_objects",
    "tracking_shuffled_objects_seven_objects",
    "tracking_shuffled_objects_three_objects",
    "web_of_lies",
    "word_sorting",
)

# `zero_shot`: the question and a request for the answer alone. `direct` and `cot`: the published three exemplars,
# without and with their rationales.
MODES = ("zero_shot", "direct", "cot")

_REQUEST = "Reply with the answer only."
_STEPS = "Let's think step by step."  # the cue in the published prompt files
_AFTER_CANARY = "\n-----\n"
_QUESTION = "\n\nQ: "  # a description may hold a blank line of its own, so blank lines alone do not part the blocks
# One file goes on after the cue on the same line, the others on the next.
_EXEMPLAR = re.compile(rf"(?P<question>.+)\nA: (?P<worked>{re.escape(_STEPS)}\s.+\bthe answer is .+)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Question:
    """One question and its answer."""

    input: str
    target: str


@dataclasses.dataclass(frozen=True)
class Exemplar:
    """One example of a prompt file: `worked` is the step-by-step cue, the rationale and the answer phrase, verbatim."""

    question: str
    worked: str


@dataclasses.dataclass(frozen=True)
class PromptFile:
    """The description of a task and its exemplars, in file order."""

    description: str
    exemplars: tuple[Exemplar, ...]


def read_questions(folder: pathlib.Path, name: str) -> list[Question]:
    """Returns the questions of `tasks/<name>.json`, in file order. Raises UserError that names what is wrong."""
    path = folder / "tasks" / f"{name}.json"
    content = read_json(path)
    examples = content.get("examples") if isinstance(content, dict) else None
    if not isinstance(examples, list) or not examples:
        raise UserError(f'{path}: expected an object {{"examples": [...]}} with at least one example.')
    return [_question(path, index, example) for index, example in enumerate(examples)]


def _question(path: pathlib.Path, index: int, example: object) -> Question:
    fields = example if isinstance(example, dict) else {}
    for field in ("input", "target"):
        text = fields.get(field)
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"{path}: examples[{index}] has {field} {text!r}; expected a text that is not empty.")
    return Question(input=fields["input"].strip(), target=fields["target"].strip())


def read_prompt_file(folder: pathlib.Path, name: str) -> PromptFile:
    """Returns the parts of `cot-prompts/<name>.txt`. Raises UserError naming file and line of a broken block."""
    path = folder / "cot-prompts" / f"{name}.txt"
    text = read_text(path)
    head, mark, body = text.partition(_AFTER_CANARY)
    if not mark:
        raise UserError(f"{path}:1: expected a first line, then a line of five dashes, then the prompt.")
    description, *blocks = body.strip().split(_QUESTION)
    if not blocks:
        raise UserError(f"{path}: found no exemplar; expected blocks that begin with 'Q: ' after a blank line.")
    exemplars = []
    line = (head + mark + description + _QUESTION).count("\n") + 1
    for block in blocks:
        match = _EXEMPLAR.fullmatch(block.strip())
        if not match:
            raise UserError(
                f"{path}:{line}: this exemplar is broken; expected 'Q: <question>', then 'A: {_STEPS}' "
                "and a rationale that ends with 'the answer is <answer>.'"
            )
        exemplars.append(Exemplar(match["question"], match["worked"]))
        line += (block + _QUESTION).count("\n")
    return PromptFile(description, tuple(exemplars))


def zero_shot_prompt(question: str) -> str:
    """Returns the question and a request for the answer alone, in this project's words."""
    return f"{question}\n{_REQUEST}"


def direct_prompt(prompt: PromptFile, question: str) -> str:
    """Returns the description, the exemplars with their bare answers, and the question."""
    shots = [f"Q: {shot.question}\nA: {extract_answer(shot.worked)}" for shot in prompt.exemplars]
    return "\n\n".join([prompt.description, *shots, f"Q: {question}\nA:"])


def cot_prompt(prompt: PromptFile, question: str) -> str:
    """Returns the description, the exemplars with their rationales, and the question with the step-by-step cue."""
    shots = [f"Q: {shot.question}\nA: {shot.worked}" for shot in prompt.exemplars]
    return "\n\n".join([prompt.description, *shots, f"Q: {question}\nA: {_STEPS}"])


def render(folder: pathlib.Path, name: str, mode: str) -> list[dict[str, str]]:
    """Returns `inputs`, `targets`, `_task_name` and `_row_id` of every question of one file, in one of the `MODES`."""
    questions = read_questions(folder, name)
    if mode == "zero_shot":
        inputs = [zero_shot_prompt(question.input) for question in questions]
    else:
        prompt = read_prompt_file(folder, name)
        form = {"direct": direct_prompt, "cot": cot_prompt}[mode]
        inputs = [form(prompt, question.input) for question in questions]
    return [
        {"inputs": text, "targets": question.target, "_task_name": name, "_row_id": f"{name}:{index}"}
        for index, (text, question) in enumerate(zip(inputs, questions, strict=True))
    ]
