"""Rendering: one golden prompt per axis, and what holds for every draw."""

from __future__ import annotations

import dataclasses
import random

import pytest

from flan_mixtures.evals.answer import extract_answer
from flan_mixtures.rendering.option_style import LABELS, STYLES, OptionStyle, draw_option_style
from flan_mixtures.rendering.prompt import ROLES, Shot, render, shuffled_options
from flan_mixtures.rendering.row import Row
from flan_mixtures.rendering.style import Style, parse_style, read_styles, style_distribution, style_names
from flan_mixtures.rendering.template import parse_family
from t5x.errors import UserError

FAMILY = parse_family(
    "pets",
    """
fields = ["animal", "sound"]
options = true
instructions = ["Say whether the animal makes the sound."]

[[zero_shot]]
id = "does-it"
input = "Does a {animal} go {sound}?"
input_with_options = "Does a {animal} go {sound}?\\n{options}\\nAnswer:"

[[few_shot]]
id = "q-a"
input = "{animal} - {sound}?"
input_prefix = "Q: "
target_prefix = "A: "

[[few_shot]]
id = "arrow"
input = "{animal}, {sound}"
delimiter = " -> "
separator = "\\n"

[[inversion]]
id = "name-the-sound"
predicts = ["sound"]
instruction = "Name a sound."
input = "A {animal}; right: {answer}. Which sound?"
target = "{sound}"
""",
)
LETTERS = OptionStyle("lower", "({})", "inline", heading="Choose:")


def _row(animal: str, sound: str, answer: str) -> Row:
    options = ("yes", "no")
    fields = {"animal": animal, "sound": sound, "answer": answer}
    return Row("pets", f"pets/{animal}", fields, options, options.index(answer), ordered_options=True)


COW, CAT, DOG = _row("cow", "moo", "yes"), _row("cat", "quack", "no"), _row("dog", "woof", "yes")
ZERO_SHOT, QA, ARROW, INVERSION = FAMILY.zero_shot[0], *FAMILY.few_shot, FAMILY.inversions[0]
SHOTS = (Shot(CAT, QA), Shot(DOG, QA))


def _texts(*arguments, **keywords) -> tuple[str, str]:
    example = render(*arguments, family=FAMILY, **keywords)
    return example.inputs, example.targets


def test_zero_shot_without_options_is_the_template_filled_in():
    assert _texts(COW, ZERO_SHOT, Style()) == ("Does a cow go moo?", "yes")


def test_options_stand_where_the_template_says_and_a_label_is_the_target():
    style = Style(options=LETTERS, label_target=True)
    assert _texts(COW, ZERO_SHOT, style) == ("Does a cow go moo?\nChoose: (a) yes (b) no\nAnswer:", "(a)")
    assert _texts(CAT, ZERO_SHOT, style)[1] == "(b)"


def test_a_text_target_leaves_the_options_as_they_are():
    assert _texts(COW, ZERO_SHOT, Style(options=LETTERS))[1] == "yes"


def test_exemplars_stand_before_the_query_and_the_prompt_ends_with_its_cue():
    assert _texts(COW, QA, Style(instruction="none"), SHOTS) == (
        "Q: cat - quack?\nA: no\n\nQ: dog - woof?\nA: yes\n\nQ: cow - moo?\nA:",
        "yes",
    )


def test_an_instruction_is_said_once_above_the_exemplars():
    assert _texts(COW, QA, Style(instruction="once"), SHOTS[:1])[0] == (
        "Say whether the animal makes the sound.\n\nQ: cat - quack?\nA: no\n\nQ: cow - moo?\nA:"
    )


def test_an_instruction_is_said_with_each_example():
    assert _texts(COW, QA, Style(instruction="each"), SHOTS[:1])[0] == (
        "Say whether the animal makes the sound.\nQ: cat - quack?\nA: no\n\n"
        "Say whether the animal makes the sound.\nQ: cow - moo?\nA:"
    )


def test_each_exemplar_may_have_a_template_of_its_own():
    shots = (Shot(CAT, ARROW), Shot(DOG, QA))
    assert _texts(COW, ARROW, Style(instruction="none"), shots)[0] == (
        "cat, quack -> no\nQ: dog - woof?\nA: yes\ncow, moo ->"
    )


def test_a_chat_takes_turns_and_ends_where_the_model_speaks():
    prompt, _ = _texts(COW, QA, Style(instruction="once", layout="chat"), SHOTS[:1])
    asks, answers = next(roles for roles in ROLES if f"\n{roles[0]}: cat" in prompt)
    assert prompt == (
        f"Say whether the animal makes the sound.\n{asks}: cat - quack?\n{answers}: no\n{asks}: cow - moo?\n{answers}:"
    )


def test_exemplars_show_options_in_the_look_of_the_query():
    style = Style(options=LETTERS, label_target=True, instruction="none")
    assert _texts(COW, QA, style, SHOTS[:1]) == (
        "Q: cat - quack?\nChoose: (a) yes (b) no\nA: (b)\n\nQ: cow - moo?\nChoose: (a) yes (b) no\nA:",
        "(a)",
    )


def test_an_inversion_predicts_another_field_shows_no_options_and_carries_the_flag():
    example = render(COW, INVERSION, Style(options=LETTERS, label_target=True, inverted=True), family=FAMILY)
    assert (example.inputs, example.targets) == ("A cow; right: yes. Which sound?", "moo")
    assert example.inverted
    assert example.options == ()
    assert not example.label_target


def test_an_inversion_takes_its_own_instruction():
    style = Style(instruction="once", inverted=True)
    prompt, _ = _texts(COW, INVERSION, style, (Shot(CAT, INVERSION),))
    assert prompt == ("Name a sound.\n\nA cat; right: no. Which sound?\nquack\n\nA cow; right: yes. Which sound?")


REASONED = Row("sums", "sums/1", {"animal": "2", "sound": "3", "answer": "5", "rationale": "2 and 3 make 5"})


@pytest.mark.parametrize(
    ("reasoning", "begins", "ends"),
    [
        ("rationale_first", "2 and 3 make 5.", "5."),
        ("answer_first", "The answer is 5.\n", "2 and 3 make 5."),
        ("direct", "5", "5"),
    ],
)
def test_a_rationale_stands_where_the_style_says(reasoning, begins, ends):
    for seed in range(20):
        example = render(REASONED, ZERO_SHOT, Style(reasoning=reasoning), family=FAMILY, seed=seed)
        assert example.targets.startswith(begins)
        assert example.targets.endswith(ends)
        assert example.reasoning == reasoning
        assert "2 and 3" not in example.inputs


@pytest.mark.parametrize("reasoning", ["rationale_first", "answer_first", "direct"])
@pytest.mark.parametrize("answer", ["5", "5.", "the U.S.", "(B)", "it is 3.5"])
@pytest.mark.parametrize("rationale", ["2 and 3 make 5", "So the answer is 6. Or not.", "First\nthen"])
def test_the_answer_is_read_off_every_target_whatever_the_rationale_says(reasoning, answer, rationale):
    row = dataclasses.replace(REASONED, fields={**REASONED.fields, "answer": answer, "rationale": rationale})
    for seed in range(30):
        targets = render(row, ZERO_SHOT, Style(reasoning=reasoning), family=FAMILY, seed=seed).targets
        assert extract_answer(targets) == extract_answer(answer)
        assert ".." not in targets
        assert (rationale in targets) == (reasoning != "direct")


def test_where_an_exemplar_has_no_rationale_none_is_asked_for():
    alone = render(REASONED, QA, Style(reasoning="rationale_first"), family=FAMILY)
    beside = render(REASONED, QA, Style(reasoning="rationale_first"), [Shot(CAT, QA)], family=FAMILY)
    assert (alone.reasoning, beside.reasoning, beside.targets) == ("rationale_first", "", "5")


def test_there_are_at_least_sixty_looks_and_no_two_are_alike():
    options = ("red", "green", "blue")
    assert len({style.block(options) for style in STYLES}) == len(STYLES) >= 60


def test_labels_that_could_be_option_texts_are_not_used():
    row = Row("stars", "stars/1", {"animal": "a", "sound": "b", "answer": "2"}, ("3", "2", "1"), 1)
    style = Style(options=OptionStyle("number", "{}.", "lines"), label_target=True)
    clash = render(row, ZERO_SHOT, style, family=FAMILY)
    assert clash.targets == "2"
    assert not clash.label_target
    assert "- 2" in clash.inputs


def test_one_row_whose_options_clash_changes_the_look_of_the_whole_prompt():
    clash = Row("pets", "pets/x", {"animal": "x", "sound": "y", "answer": "(a)"}, ("(b)", "(a)"), 1)
    prompt, _ = _texts(COW, QA, Style(options=LETTERS, label_target=True), (Shot(clash, QA),))
    assert "(a) yes" not in prompt
    assert "- yes" in prompt


def test_labels_that_look_like_the_answer_cue_are_not_used():
    style = Style(options=OptionStyle("upper", "{}:", "lines"), label_target=True, instruction="none")
    prompt, target = _texts(COW, QA, style, SHOTS[:1])
    assert target == "yes"
    assert "A: yes" not in prompt


def test_a_label_target_always_names_the_right_option():
    for seed in range(300):
        rng = random.Random(seed)
        options = tuple(f"word{i}" for i in range(rng.randint(2, 26)))
        gold = rng.randrange(len(options))
        row = Row("t", f"t/{seed}", {"animal": "a", "sound": "b", "answer": options[gold]}, options, gold)
        style = Style(options=draw_option_style(rng, labelled=True), label_target=True)
        example = render(row, ZERO_SHOT, style, family=FAMILY, seed=seed)
        assert example.options[example.gold] == row.answer
        assert f"{example.targets} {row.answer}" in example.inputs


def test_shuffling_keeps_the_options_and_depends_on_the_key_alone():
    row = Row("t", "t/1", {"answer": "c"}, ("a", "b", "c", "d"), 2)
    orders = {key: shuffled_options(row, key) for key in map(str, range(50))}
    assert all(sorted(options) == ["a", "b", "c", "d"] and options[gold] == "c" for options, gold in orders.values())
    assert len({options for options, _ in orders.values()}) > 10
    assert shuffled_options(row, "7") == orders["7"]


def test_more_options_than_labels_is_an_error_that_names_the_row():
    row = Row("t", "t/9", {"animal": "a", "sound": "b", "answer": "0"}, tuple(map(str, range(27))), 0)
    with pytest.raises(UserError, match=r"t/9.*27 options.*26"):
        render(row, ZERO_SHOT, Style(options=LETTERS), family=FAMILY)


def test_a_field_the_row_lacks_is_an_error_that_names_template_field_and_row():
    row = Row("t", "t/9", {"animal": "a", "answer": "x"})
    with pytest.raises(UserError, match=r"does-it.*'sound'.*t/9"):
        render(row, ZERO_SHOT, Style(), family=FAMILY)


def test_braces_in_data_stay_as_they_are():
    row = Row("t", "t/1", {"animal": "{sound}", "sound": "{0}", "answer": "{}"})
    assert _texts(row, ZERO_SHOT, Style()) == ("Does a {sound} go {0}?", "{}")


def test_every_label_set_reaches_the_twenty_sixth_option():
    assert all(len(set(labels)) == 26 for labels in LABELS.values())
    assert LABELS["roman"][25] == "xxvi"
    assert LABELS["roman"][3] == "iv"


@pytest.mark.parametrize("name", style_names())
def test_a_packaged_style_draws_only_what_it_gives_weight(name):
    distribution = style_distribution(name)
    drawn = [distribution.draw(random.Random(seed)) for seed in range(400)]
    assert {style.shots for style in drawn} == {shots for shots, weight in distribution.shots.items() if weight}
    assert any(style.options for style in drawn) == (distribution.options > 0)
    assert any(style.label_target for style in drawn) == (distribution.options > 0 and distribution.label_target > 0)


def test_the_share_of_shots_follows_the_weights():
    distribution = style_distribution("fsopt")
    drawn = [distribution.draw(random.Random(seed)).shots for seed in range(4000)]
    assert abs(drawn.count(5) / 4000 - 0.5) < 0.03
    assert abs(drawn.count(2) / 4000 - 0.2) < 0.03


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"shot": {0: 1}}, "unknown axis 'shot'.*shots"),
        ({"shots": {"-1": 1.0}}, "'-1'"),
        ({"shots": {"2": 0.0}}, "above 0"),
        ({"layout": {"poem": 1.0}}, "'poem'.*list, chat"),
        ({"inverted": 1.5}, "inverted = 1.5"),
        ({"option_look": "fancy"}, "'fancy'"),
        ({"shots": 3}, "weights 3 for shots.*table"),
        ({"shots": {"2": "often"}}, "'often'"),
        ({"layout": {"chat": float("nan")}}, "nan"),
        ({"options": "yes"}, "options = 'yes'"),
        ({"label_target": True}, "label_target = True"),
        ("fsopt", "Style 'mine' is 'fsopt'"),
    ],
)
def test_a_mistake_in_a_style_is_named(entry, said):
    with pytest.raises(UserError, match=said):
        parse_style("mine", entry)


def test_a_mistake_in_a_file_of_styles_is_named_with_the_file(tmp_path):
    mine = tmp_path / "styles.toml"
    mine.write_text("[many]\nshots = { 8 = 1.0 }\n")
    assert read_styles(mine)["many"].shots == {8: 1.0}
    for text, said in (("[many\n", "no TOML"), ("[many]\nshots = 8\n", "Style 'many' has the weights 8")):
        mine.write_text(text)
        with pytest.raises(UserError, match=f"styles.toml: .*{said}"):
            read_styles(mine)
