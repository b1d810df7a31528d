"""The task families of mini Flan: name -> the function that draws one question from a generator. Effects: none."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from flan_mixtures.mini.families import (
    adjective_order,
    arithmetic,
    boolean_expressions,
    bracket_closing,
    comparison,
    date_arithmetic,
    navigation,
    number_sorting,
    object_counting,
    odd_one_out,
    web_of_lies,
    word_sorting,
)
from flan_mixtures.mini.question import Question

FAMILIES: Mapping[str, Callable[[random.Random], Question]] = {
    "adjective_order": adjective_order.generate,
    "arithmetic": arithmetic.generate,
    "boolean_expressions": boolean_expressions.generate,
    "bracket_closing": bracket_closing.generate,
    "comparison": comparison.generate,
    "date_arithmetic": date_arithmetic.generate,
    "navigation": navigation.generate,
    "number_sorting": number_sorting.generate,
    "object_counting": object_counting.generate,
    "odd_one_out": odd_one_out.generate,
    "web_of_lies": web_of_lies.generate,
    "word_sorting": word_sorting.generate,
}

# Never trained on. One is near what is trained (number_sorting: the instructions of word_sorting on the numbers of
# comparison), one is far (web_of_lies: shares only its answers, yes and no, with navigation).
HELD_OUT = ("number_sorting", "web_of_lies")
HELD_IN = tuple(name for name in FAMILIES if name not in HELD_OUT)
