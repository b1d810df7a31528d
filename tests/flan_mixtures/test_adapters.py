"""Adapters bring odd records into shape, and leave out only what they say."""

from __future__ import annotations

import inspect
import pkgutil
import re

import pytest

from flan_mixtures.catalogue import adapters
from flan_mixtures.catalogue.declaration import declarations
from flan_mixtures.catalogue.row_mapping import adapter_module

NAMES = sorted(module.name for module in pkgutil.iter_modules(adapters.__path__))


def adapt(name, record):
    return adapter_module(name).adapt(record)


def test_every_adapter_is_used_and_says_what_it_does():
    used = {declaration.adapter for declaration in declarations("flan2021").values()} - {""}
    assert used <= set(NAMES)
    for name in NAMES:
        assert "Enters" in adapter_module(name).__doc__, name


@pytest.mark.parametrize("name", NAMES)
def test_an_adapter_that_may_return_nothing_says_that_it_leaves_records_out(name):
    may = re.search(r"return None\b", inspect.getsource(adapter_module(name))) is not None
    assert getattr(adapter_module(name), "LEAVES_OUT", False) == may


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("four_choices_in_text", {"input": "q \\n (a) x (b) y (c) z", "output": "x"}),
        ("record", {"passage": "p", "entities": [f"e{n}" for n in range(27)], "answers": ["e1"]}),
        ("labelled_only", {"label": -1}),
        ("sentiment140", {"polarity": 2}),
        ("lower_case", {"text": "all small"}),
        ("no_punctuation", {"text": "no marks"}),
        ("no_punctuation", {"text": "..."}),
        ("no_spaces", {"text": "word"}),
    ],
)
def test_what_is_left_out_is_left_out_by_an_adapter_that_says_so(name, record):
    assert adapt(name, record) is None
    assert adapter_module(name).LEAVES_OUT


def test_a_conversation_gives_one_turn_with_the_turns_before_it():
    turns = {"questions": ["q0", "q1", "q2"], "answers": {"input_text": ["a0", "a1", "a2"]}}
    made = [adapt("coqa", {"story": f"story {n}", **turns}) for n in range(60)]
    assert made == [adapt("coqa", {"story": f"story {n}", **turns}) for n in range(60)]
    histories = {row["question"]: (row["answer"], row["history"]) for row in made}
    assert histories == {
        "q0": ("a0", "(none yet)"),
        "q1": ("a1", "Q: q0\nA: a0"),
        "q2": ("a2", "Q: q0\nA: a0\nQ: q1\nA: a1"),
    }
    structures = {**turns, "answers": [{"input_text": f"a{n}"} for n in range(3)]}
    assert adapt("coqa", {"story": "story 0", **structures})["answer"] == made[0]["answer"]
    with pytest.raises(ValueError, match="3 questions and 1 answers"):
        adapt("coqa", {"story": "s", **turns, "answers": {"input_text": ["a"]}})


def test_a_question_that_its_text_does_not_answer_is_called_unanswerable():
    record = {
        "title": "T",
        "section_title": "S",
        "context": "Text. CANNOTANSWER",
        "answers": {"text": ["CANNOTANSWER"]},
    }
    made = adapt("quac", record)
    assert (made["story"], made["found"]) == ("T - S\nText.", ["unanswerable"])
    assert adapt("squad_v2", {"answers": {"text": []}})["found"] == ["unanswerable"]
    assert adapt("squad_v2", {"answers": {"text": ["x", "y"]}})["found"] == ["x", "y"]


def test_drop_lists_every_answer_once():
    assert adapt("drop", {"answer": "3", "validated_answers": ["4", "3", " "]})["found"] == ["3", "4"]


@pytest.mark.parametrize(
    ("label", "score"), [(0.0, "0"), (0.4999, "0"), (0.5, "1"), (2.5, "3"), (4.75, "5"), (5.0, "5"), (-1.0, "-1")]
)
def test_a_similarity_is_the_nearest_whole_number_and_a_half_goes_up(label, score):
    assert adapt("stsb", {"label": label})["score"] == score


@pytest.mark.parametrize("question", ["who is it", "who is it?", "who is it ??", " who is it ? "])
def test_a_question_has_one_question_mark(question):
    assert adapt("one_question_mark", {"question": question})["question"] == "who is it?"


def test_an_empty_question_stays_empty_and_is_so_refused():
    assert adapt("one_question_mark", {"question": " "})["question"] == ""


def test_a_problem_written_as_bytes_is_plain_text():
    record = {"question": "b'Solve 2*x = 4 for x.\\n'", "answer": "b'2\\n'"}
    plain = {"question": "Solve 2*x = 4 for x.", "answer": "2"}
    assert adapt("math_dataset", record) == plain
    assert adapt("math_dataset", plain) == plain


def test_choices_inside_the_text_come_apart():
    made = adapt("four_choices_in_text", {"input": "is f(x) wet? \\n (A) a b (B) c (C) d (D) e f", "output": "e f"})
    assert (made["question"], made["choices"]) == ("is f(x) wet?", ["a b", "c", "d", "e f"])


def test_highlights_are_a_list_and_entities_stand_once():
    record = {"passage": "Text.\n@highlight\none\n@highlight\ntwo", "entities": ["A", "B", "A"], "answers": ["B", "A"]}
    made = adapt("record", record)
    assert (made["passage"], made["choices"]) == ("Text.\n- one\n- two", ["A", "B"])
    assert (made["right"], made["all"]) == ("B", ["B", "A"])
    assert adapt("record", {**record, "answers": []})["right"] == ""


def test_the_pronoun_in_question_is_marked_where_it_stands():
    record = {"text": "Ann saw her. She liked her, she said.", "span2_text": "her", "span2_index": 5}
    assert adapt("wsc", record)["text"] == "Ann saw her. She liked *her*, she said."
    with pytest.raises(ValueError, match="'She'"):
        adapt("wsc", {**record, "span2_index": 3})


def test_french_and_spanish_are_translated_into_and_others_from():
    made = adapt("translation", {"en": "Hello", "fr": "Bonjour"})
    assert (made["source"], made["source_language"], made["target_language"]) == ("Hello", "English", "French")
    made = adapt("translation", {"translation": {"en": "Hello", "tr": "Merhaba"}})
    assert (made["source"], made["target"], made["source_language"]) == ("Merhaba", "Hello", "Turkish")
    for pair in ({"en": "a"}, {"fr": "a", "de": "b"}, {"en": "a", "fr": "b", "de": "c"}):
        with pytest.raises(ValueError, match="expected English and one of"):
            adapt("translation", pair)


def test_opinions_stand_one_a_line():
    critics = {"_critics": {"key": ["1", "2", "3"], "value": ["good\nfilm", " ", "bad"]}}
    assert adapt("opinions", critics)["opinions"] == "good film\nbad"
    arguments = {"_argument_sentences": [{"key": "1", "value": "yes"}, {"key": "2", "value": "no"}]}
    assert adapt("opinions", arguments)["opinions"] == "yes\nno"


def test_the_last_word_is_no_longer_in_the_passage():
    assert adapt("last_word", {"passage": "he said good bye\n"}) == {"passage": "he said good", "last_word": "bye"}
    with pytest.raises(ValueError, match="one word"):
        adapt("last_word", {"passage": "bye"})


def test_damaged_text_has_lost_one_thing_alone():
    text = {"text": "It's 5 o'clock , Ann !"}
    assert adapt("lower_case", text)["damaged"] == "it's 5 o'clock , ann !"
    assert adapt("no_punctuation", text)["damaged"] == "Its 5 oclock Ann"
    assert adapt("no_spaces", text)["damaged"] == "It's5o'clock,Ann!"
    assert all(adapt(name, text)["text"] == text["text"] for name in ("lower_case", "no_punctuation", "no_spaces"))


def test_structured_data_is_one_line_and_every_wording_counts():
    more = {"target": "A is b.", "references": ["A is b.", "b is A."]}
    made = adapt("data_as_text", {"input": ["A | is | b", "c | d | e"], **more})
    assert (made["data"], made["wordings"]) == ("A | is | b; c | d | e", ["A is b.", "b is A."])
    assert adapt("data_as_text", {"tripleset": [["A", "is", "b"]], **more})["data"] == "A | is | b"
    assert adapt("data_as_text", {"meaning_representation": "name[A]", **more})["data"] == "name[A]"
    assert adapt("data_as_text", {"input": ["x"], "target": "t", "references": []})["wordings"] == ["t"]
    with pytest.raises(ValueError, match="none of the fields"):
        adapt("data_as_text", more)
    assert adapt("concepts_as_text", {"concepts": ["dog", "run"]})["words"] == "dog, run"


def test_a_title_before_the_passage_comes_apart():
    made = adapt("bool_q", {"passage": "T -- text -- more", "label": 1})
    assert (made["title"], made["passage"], made["verdict"]) == ("T", "text -- more", 1)
    apart = adapt("bool_q", {"passage": "a -- b", "title": "T", "answer": True})
    assert (apart["title"], apart["passage"], apart["verdict"]) == ("T", "a -- b", True)
    with pytest.raises(ValueError, match="without a title"):
        adapt("bool_q", {"passage": "text", "label": 1})
