"""How answer options look: the mark before each, how they are joined, and what the block is headed with.

A style is drawn once per prompt, so that the exemplars and the query agree. Source: the Flan Collection draws among 63
different looks, in zero-shot prompts only; here there are `len(STYLES)` times endings and headings, for every prompt.
Effects: none.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import string
from collections.abc import Sequence

from flan_mixtures.draws import Draws

MOST_OPTIONS = 26  # as many as there are letters, the Flan Collection's limit too

_ONES = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
_ROMAN = tuple(tens + ones for tens in ("", "x", "xx") for ones in _ONES)[1 : MOST_OPTIONS + 1]
LABELS: dict[str, tuple[str, ...]] = {
    "upper": tuple(string.ascii_uppercase),
    "lower": tuple(string.ascii_lowercase),
    "number": tuple(str(n) for n in range(1, MOST_OPTIONS + 1)),
    "roman": _ROMAN,
    "roman_upper": tuple(numeral.upper() for numeral in _ROMAN),
}
_FORMS = ("({})", "{})", "{}.", "[{}]", "{}:", "<{}>")
_BULLETS = ("-", "--", "*", "+", "[-]", "[+]", "=>")
_LAYOUTS = {"lines": "\n", "inline": " "}
# After an option that is not the last, and after the last.
_ENDINGS = (("", ""), (";", ""), (";", "."), (",", ""))
HEADINGS = (
    "",
    "Options:",
    "Choices:",
    "Pick one:",
    "Possible answers:",
    "Choose from:",
    "Select one of these:",
    "The answer is one of:",
    "Answer options:",
    "Candidates:",
    "Available choices:",
    "One of the following is right:",
    "Your choices are:",
    "OPTIONS",
    "Choose an answer:",
    "Which one is it?",
)


@dataclasses.dataclass(frozen=True, slots=True)
class OptionStyle:
    """How one prompt shows its options.

    Attributes:
      mark: a key of `LABELS`, or a bullet.
      form: how a label is wrapped, such as `({})`; `{}` for bullets.
      layout: `lines` or `inline`.
      ending: what follows each option but the last, and the last.
      heading: the line above; may be empty.
    """

    mark: str
    form: str
    layout: str
    ending: tuple[str, str] = ("", "")
    heading: str = ""

    @property
    def id(self) -> str:
        """The look without heading and ending, such as `upper({})lines`."""
        return f"{self.mark}{self.form}{self.layout}"

    @property
    def labelled(self) -> bool:
        """Whether options can be told apart by their mark."""
        return self.mark in LABELS

    def label(self, index: int) -> str:
        """Returns the mark of option `index` as shown, such as `(b)`."""
        return self.form.format(LABELS[self.mark][index]) if self.labelled else self.mark

    def block(self, options: Sequence[str]) -> str:
        """Returns the options as they stand in a prompt."""
        between, last = self.ending
        items = [f"{self.label(i)} {text}" for i, text in enumerate(options)]
        body = (between + _LAYOUTS[self.layout]).join(items) + last
        return f"{self.heading}{_LAYOUTS[self.layout]}{body}" if self.heading else body

    def collides(self, texts: Sequence[str]) -> bool:
        """Whether a label could be taken for one of these texts, as with numbered digits."""
        if not self.labelled:
            return False
        labels = {label for bare in LABELS[self.mark] for label in (bare, self.form.format(bare))}
        return any(text.strip() in labels for text in texts)


STYLES = tuple(
    OptionStyle(mark, form, layout) for mark, form, layout in itertools.product(LABELS, _FORMS, _LAYOUTS)
) + tuple(OptionStyle(bullet, "{}", layout) for bullet, layout in itertools.product(_BULLETS, _LAYOUTS))

# The one look of the Flan Collection's few-shot prompts.
PLAIN = OptionStyle("-", "{}", "lines", heading="Options:")


def draw_option_style(rng: Draws | random.Random, *, labelled: bool | None = None) -> OptionStyle:
    """Draws a look with ending and heading; `labelled` asks for one with labels, or without."""
    look = rng.choice(STYLES if labelled is None else [style for style in STYLES if style.labelled == labelled])
    return OptionStyle(look.mark, look.form, look.layout, rng.choice(_ENDINGS), rng.choice(HEADINGS))
