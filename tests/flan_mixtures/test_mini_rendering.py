"""Rendering of mini Flan: templates, exemplars, options, lengths, vocabulary."""

from __future__ import annotations

import string
import subprocess
import sys

import pytest

from flan_mixtures.mini import train_vocabulary
from flan_mixtures.mini.corpus import INPUT_LENGTH, TARGET_LENGTH, examples
from flan_mixtures.mini.exemplars import MOST_SHOTS, choose_exemplars
from flan_mixtures.mini.families import FAMILIES
from flan_mixtures.mini.render import render
from flan_mixtures.mini.rows import row
from flan_mixtures.mini.template import STYLES, templates
from flan_mixtures.mini.vocabulary import VOCABULARY_FILE, count_tokens, processor

COUNT = 300
TASKS = [(family, style) for family in FAMILIES for style in STYLES]


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("family", FAMILIES)
def test_templates_name_only_fields_that_are_there_and_enough_of_them(family):
    question = row(family, "train", 0).question
    optional = {"name", "options", "thing"}  # a name that does not matter; the question again, as options
    for style, choices in templates(family).items():
        for template in choices:
            named = _fields(template.input)
            assert named <= {*question.fields, "options"}, template
            shown = named | ({"things", "numbers"} if "options" in named else set())
            assert set(question.fields) - optional <= shown, template
            assert _fields(template.target) == ({"answer", "rationale"} if style == "cot" else {"answer"})
            assert not _fields(template.instruction + template.cue + template.separator)


@pytest.mark.parametrize("family", FAMILIES)
def test_wordings_are_many_and_differ(family):
    counts = {"zs": 5, "fs": 3, "cot": 3}
    for style, choices in templates(family).items():
        assert len(choices) >= counts[style]
        assert len({(template.instruction, template.input, template.cue) for template in choices}) == len(choices)


@pytest.mark.parametrize(("family", "style"), TASKS)
def test_every_template_is_used_and_every_field_filled(family, style):
    made = examples(family, style, "train", COUNT)
    assert {example.template_number for example in made} == set(range(len(templates(family)[style])))
    for example in made:
        assert "  " not in example.inputs
        assert example.inputs == example.inputs.strip()
        assert example.targets
        for name in ("options", "answer", "rationale", *example.row.question.fields):
            assert "{" + name + "}" not in example.inputs + example.targets
        assert "\n" not in example.inputs + example.targets  # the T5 vocabulary knows no line breaks


@pytest.mark.parametrize(("family", "style"), TASKS)
def test_no_example_is_longer_than_the_feature_lengths(family, style):
    for split, count in (("train", 1000), ("test", 50)):
        for example in examples(family, style, split, count):
            assert count_tokens(example.inputs) + 1 <= INPUT_LENGTH
            assert count_tokens(example.targets) + 1 <= TARGET_LENGTH


@pytest.mark.parametrize("family", FAMILIES)
def test_exemplars_are_other_training_questions_and_at_least_one(family):
    for split in ("train", "test"):
        for example in examples(family, "fs", split, 50):
            contents = [shot.question.content for shot in example.shots]
            assert 1 <= len(contents) <= MOST_SHOTS
            assert example.row.question.content not in contents
            assert len(set(contents)) == len(contents)
            assert {shot.split for shot in example.shots} == {"train"}


def test_exemplars_are_dropped_whole_when_the_budget_is_small():
    query = row("object_counting", "train", 3)
    template = templates("object_counting")["fs"][0]
    alone = count_tokens(render(query, template).inputs)
    sizes = {}
    for budget in range(alone, alone + 120):
        shots = choose_exemplars(query, template, count_tokens, budget)
        prompt = render(query, template, shots).inputs
        assert count_tokens(prompt) <= budget or not shots
        assert prompt.endswith(render(query, template).inputs)
        sizes[budget] = len(shots)
    assert sizes[alone] == 0
    assert max(sizes.values()) >= 1


def test_the_instruction_stands_once_and_the_query_last():
    shots = (row("arithmetic", "train", 1), row("arithmetic", "train", 2))
    query = row("arithmetic", "train", 0)
    template = templates("arithmetic")["fs"][1]
    expressions = [each.question.fields["expression"] for each in (*shots, query)]
    answers = [each.question.answer for each in (*shots, query)]
    rendered = render(query, template, shots)
    assert rendered.inputs == (
        f"Work out the last one. {expressions[0]} = {answers[0]}; {expressions[1]} = {answers[1]}; {expressions[2]} ="
    )
    assert rendered.targets == answers[2]


def test_the_seed_orders_the_options_and_nothing_else():
    query = row("odd_one_out", "train", 0)
    template = next(each for each in templates("odd_one_out")["zs"] if "{options}" in each.input)
    prompts = {render(query, template, seed=seed).inputs for seed in range(20)}
    assert len(prompts) > 2
    assert len({frozenset(prompt.replace(",", "").replace(":", "").split()) for prompt in prompts}) == 1
    assert render(query, template, seed=3) == render(query, template, seed=3)


@pytest.mark.parametrize(("family", "style"), TASKS)
def test_the_vocabulary_gives_back_every_text_and_knows_every_piece(family, style):
    for example in examples(family, style, "train", COUNT):
        for text in (example.inputs, example.targets):
            ids = processor().encode(text)
            assert processor().decode(ids) == text
            assert processor().unk_id() not in ids


def test_the_vocabulary_has_the_special_ids_of_t5_and_gives_back_text_it_never_saw():
    tokenizer = processor()
    assert (tokenizer.pad_id(), tokenizer.eos_id(), tokenizer.unk_id(), tokenizer.bos_id()) == (0, 1, 2, -1)
    assert tokenizer.vocab_size() == train_vocabulary.VOCABULARY_SIZE
    text = "Größe 12345 — ünïcode, 日本語, tab\tand line\nbreak"
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_every_number_below_one_hundred_is_one_token():
    assert [n for n in range(100) if len(processor().encode(str(n))) != 1] == []


def test_the_vocabulary_file_is_what_its_command_makes():
    # Wordings or word lists changed? Run `python -m flan_mixtures.mini.train_vocabulary` and commit the file.
    assert train_vocabulary.train() == VOCABULARY_FILE.read_bytes()
    assert VOCABULARY_FILE.stat().st_size < 100_000


def test_making_text_imports_neither_tensorflow_nor_jax(root):
    code = (
        "import sys\n"
        "import flan_mixtures.mini.train_vocabulary, flan_mixtures.mini.chance\n"
        "from flan_mixtures.mini.corpus import examples\n"
        "examples('arithmetic', 'fs', 'train', 2)\n"
        "print([name for name in ('tensorflow', 'seqio', 'jax', 'flax', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
