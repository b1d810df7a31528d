"""Where a rationale stands in a target, and the cue that asks for it.

The phrasings are data: `flan_mixtures/templates/reasoning/cues.toml`. Effects: reads that file once.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import random
import tomllib

from flan_mixtures.draws import Draws

SAYS_THE_ANSWER = "the answer is"  # evaluation finds an answer behind the last of these
_ENDS_A_SENTENCE = (".", "!", "?", ":", ";", '."', '!"', '?"', ".)")


@dataclasses.dataclass(frozen=True)
class Cue:
    """One way to ask for a rationale and to give it.

    Attributes:
      id: its name.
      cue: what the prompt says; may be empty.
      target: with {rationale} and {answer}.
      place: whether the cue stands `before` or `after` the question.
    """

    id: str
    cue: str
    target: str
    place: str = "after"

    def reply(self, answer: str, rationale: str) -> str:
        """Returns the target. An answer that ends with a full stop brings the sentence's."""
        target = self.target.replace("{answer}.", "{answer}") if answer.endswith(".") else self.target
        return target.format(answer=answer, rationale=as_sentence(rationale))

    def ask(self, text: str) -> str:
        """Returns the question with the cue."""
        if not self.cue:
            return text
        return f"{self.cue}\n{text}" if self.place == "before" else f"{text}\n{self.cue}"


@functools.cache
def cues(reasoning: str) -> tuple[Cue, ...]:
    """Returns the phrasings for `direct`, `rationale_first` or `answer_first`, in file order."""
    return tuple(Cue(**entry) for entry in _file()[reasoning])


def draw_cue(rng: Draws | random.Random, reasoning: str) -> Cue:
    """Draws a phrasing."""
    return rng.choice(cues(reasoning))


def possible_reasoning(wanted: str, rationale: str) -> str:
    """Returns where the rationale stands: not behind the answer where it would be taken for one that says it."""
    return "rationale_first" if wanted == "answer_first" and SAYS_THE_ANSWER in rationale.lower() else wanted


def as_sentence(text: str) -> str:
    """Returns the text with a full stop where it has no end mark, so that what follows starts a new sentence."""
    return text if text.endswith(_ENDS_A_SENTENCE) else f"{text}."


@functools.cache
def _file() -> dict[str, list[dict[str, str]]]:
    folder = importlib.resources.files("flan_mixtures").joinpath("templates", "reasoning")
    return tomllib.loads(folder.joinpath("cues.toml").read_text(encoding="utf-8"))
