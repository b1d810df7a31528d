"""Records become rows as the declaration says, and a record that does not fit is named."""

from __future__ import annotations

import pytest

from flan_mixtures.catalogue.declaration import parse
from flan_mixtures.catalogue.row_mapping import to_row
from flan_mixtures.catalogue.task_rows import TaskRows
from t5x.errors import UserError

HEAD = 'dataset = "d"\ntemplates = "f"\nsources = [{ kind = "jsonl" }]\n'
FIXED = HEAD + '[fields]\npremise = "p"\n[answer]\noptions = ["yes", "no"]\nlabel = "label"\n'
LISTED = (
    HEAD + '[fields]\nquestion = "q.stem"\n[answer]\noptions_from = "c.text"\nlabels_from = "c.label"\nlabel = "key"\n'
)
SEVERAL = HEAD + '[answer]\noptions_from = ["a", "b"]\nlabel = "label"\n'
OPEN = HEAD + '[fields]\nquestion = "q"\n[answer]\ntext = "a"\n'


def row(text, record, source=None):
    return to_row(parse("t", "flan2021", text), source or {}, record, "t/train/7")


def refused(text, record, source=None) -> str:
    with pytest.raises(UserError) as caught:
        row(text, record, source)
    message = str(caught.value)
    assert all(name in message for name in ("'t/train/7'", "task 't'", "'d'"))
    assert "\n" not in message
    return message


def test_text_is_stripped_and_otherwise_stays_as_it_is():
    made = row(FIXED, {"p": "  <b>a &amp; b</b>\n c\n", "label": 1})
    assert made.fields == {"premise": "<b>a &amp; b</b>\n c", "answer": "no"}
    assert (made.options, made.gold, made.references, made.row_id) == (("yes", "no"), 1, ("no",), "t/train/7")


@pytest.mark.parametrize(("label", "answer"), [(0, "yes"), ("1", "no"), (True, "no"), ("no", "no"), (" yes ", "yes")])
def test_a_label_is_an_index_or_the_text_of_an_option(label, answer):
    assert row(FIXED, {"p": "x", "label": label}).answer == answer


def test_an_option_that_reads_as_a_number_wins_over_the_index():
    text = HEAD + '[answer]\noptions = ["1", "0"]\nlabel = "label"\n'
    assert row(text, {"label": "1"}).gold == 0
    assert row(text, {"label": 1}).gold == 0


def test_a_number_is_the_index_of_a_records_own_options_whatever_they_read():
    assert row(SEVERAL, {"a": "1", "b": "7", "label": 1}).answer == "7"
    assert row(SEVERAL, {"a": "1", "b": "7", "label": "1"}).answer == "1"


def test_a_source_has_its_own_table_of_labels():
    source = {"labels": {"entailment": 0, "not_entailment": 1}}
    assert row(FIXED, {"p": "x", "label": "not_entailment"}, source).answer == "no"
    assert row(FIXED, {"p": "x", "label": "no"}, source).answer == "no"
    assert row(FIXED, {"p": "x", "label": True}, {"labels": {"true": 0, "false": 1}}).answer == "yes"
    # 0 would be an index; the table begins at 1 and so it is no label.
    assert "none of the 2 options" in refused(FIXED, {"p": "x", "label": 0}, {"labels": {"1": 0, "2": 1}})


def test_options_in_a_list_are_found_by_the_labels_beside_them():
    record = {"q": {"stem": "Q"}, "c": {"text": ["x", "y", "z"], "label": ["1", "2", "3"]}, "key": "2"}
    assert (row(LISTED, record).answer, row(LISTED, record).fields["question"]) == ("y", "Q")
    # As a list of structures, as JSON files have it.
    listed = {**record, "c": [{"text": "x", "label": "A"}, {"text": "y", "label": "B"}], "key": "B"}
    assert row(LISTED, listed).gold == 1


def test_a_row_says_that_its_options_are_ordered_where_the_task_says_so():
    record = {"p": "x", "label": 0}
    assert row("ordered_options = true\n" + FIXED, record).ordered_options
    assert not row(FIXED, record).ordered_options


def test_options_in_several_fields():
    assert row(SEVERAL, {"a": "x", "b": " y", "label": 1}).answer == "y"


def test_of_a_list_of_open_answers_the_first_is_the_target_and_all_count():
    made = row(OPEN, {"q": "?", "a": ["x", " y", "x"]})
    assert (made.answer, made.references, made.options, made.gold) == ("x", ("x", "y"), (), None)
    also = HEAD + '[answer]\ntext = "a.value"\nreferences = "a.aliases"\n'
    assert row(also, {"a": {"value": "x", "aliases": ["y", "", "x"]}}).references == ("x", "y")


def test_a_source_overrides_fields_and_answer_key_by_key():
    record = {"sentence": "s", "answer": "2", "label": None}
    source = {"fields": {"premise": "sentence"}, "answer": {"label": "answer", "labels": {"1": 0, "2": 1}}}
    assert row(FIXED, record, source).answer == "no"
    # Another form of answer takes the place of the task's.
    made = row(FIXED, {"p": "s", "said": "perhaps"}, {"answer": {"text": "said"}})
    assert (made.answer, made.options) == ("perhaps", ())
    made = row(OPEN, {"q": "?", "label": 1}, {"answer": {"options": ["a", "b"], "label": "label"}})
    assert (made.answer, made.options) == ("b", ("a", "b"))
    bare = {"q": {"stem": "Q"}, "c": {"text": ["x", "y"]}, "key": 1}
    assert row(LISTED, bare, {"answer": {"labels_from": ""}}).answer == "y"


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"premise": "x", "label": 0}, "no field 'p'"),
        ({"p": 3, "label": 0}, "the field 'p' should be text and is of type int"),
        ({"p": ["x"], "label": 0}, "of type list"),
        ({"p": None, "label": 0}, "absent (null)"),
        ({"p": " \n", "label": 0}, "the field 'p' is empty"),
        ({"p": "x"}, "no field 'label'"),
        ({"p": "x", "label": 2}, "'label' is 2, which is none of the 2 options ['yes', 'no']"),
        ({"p": "x", "label": "maybe"}, "'maybe'"),
        ({"p": "x", "label": 0.0}, "0.0"),
        ({"p": "x", "label": -1}, "hidden"),
        ({"p": "x", "label": ""}, "hidden"),
        ({"p": "x", "label": None}, "hidden"),
        ({"p": "x", "label": -2}, "none of the 2 options"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_with_the_field_and_the_fields_there_are(record, words):
    message = refused(FIXED, record)
    assert words in message
    assert f"The record has the fields {', '.join(sorted(record))}." in message


def test_options_that_cannot_be_shown_are_refused():
    many = {"q": {"stem": "Q"}, "c": {"text": [f"o{n}" for n in range(27)], "label": list(range(27))}, "key": 0}
    assert "27 options" in refused(LISTED, many)
    fits = {**many, "c": {"text": many["c"]["text"][:26], "label": list(range(26))}, "key": 25}
    assert row(LISTED, fits).gold == 25
    assert "'x' stands twice" in refused(SEVERAL, {"a": "x", "b": "x ", "label": 0})
    assert "'b' is empty" in refused(SEVERAL, {"a": "x", "b": "", "label": 0})
    assert "empty list" in refused(LISTED, {**many, "c": {"text": [], "label": []}})
    assert "'key' is 9" in refused(LISTED, {**fits, "c": {"text": ["x", "y"], "label": [0, 1]}, "key": 9})


def test_an_open_answer_that_is_no_text_is_refused():
    assert "'a' is an empty list" in refused(OPEN, {"q": "?", "a": []})
    assert "'a' should be text or a list of texts and is of type float" in refused(OPEN, {"q": "?", "a": 1.5})
    assert "'a' is empty" in refused(OPEN, {"q": "?", "a": ["", "x"]})


def test_a_declaration_without_a_form_of_answer_is_refused():
    assert "none of `options`" in refused(HEAD, {"a": "x"})
    assert "no `label`" in refused(HEAD + '[answer]\noptions = ["a", "b"]\n', {"a": "x"})


def test_a_record_that_its_adapter_cannot_read_is_named():
    text = OPEN.replace("[fields]", 'adapter = "stsb"\n[fields]')
    assert "'stsb' misses the field 'label'" in refused(text, {"q": "?", "a": "x"})
    assert "'stsb' cannot read it" in refused(text, {"q": "?", "a": "x", "label": "high"})


def test_a_source_has_its_own_adapter_or_none():
    text = OPEN.replace("[fields]", 'adapter = "one_question_mark"\n[fields]').replace('"q"', '"question"')
    record = {"question": "b'who'", "a": "x", "answer": "y"}
    assert row(text, record).fields["question"] == "b'who'?"
    assert row(text, record, {"adapter": "math_dataset"}).fields["question"] == "who"
    assert row(text, record, {"adapter": ""}).fields["question"] == "b'who'"


def test_an_unknown_adapter_is_refused_with_the_nearest():
    with pytest.raises(UserError, match=r"no adapter 'translations'.*'translation'"):
        row(OPEN.replace("[fields]", 'adapter = "translations"\n[fields]'), {"q": "?", "a": "x"})


class Listed:
    """A source over a list, which says how often a record was read."""

    kind = "listed"
    splits = ("train",)

    def __init__(self, records):
        self.records, self.read = records, 0

    def describe(self):
        return "listed"

    def open(self, split):
        assert split == "train"
        return self

    def __len__(self):
        return len(self.records)

    def __getitem__(self, index):
        self.read += 1
        return self.records[index]


def task_rows(text, records, source=None, **more):
    return TaskRows(parse("t", "flan2021", text), Listed(records), "train", source, **more)


GOOD = [{"q": f"q{n}", "a": f"a{n}", "uid": f"u{n}"} for n in range(5)]


def test_rows_are_read_by_number_alone_and_named_for_their_place():
    source = Listed(GOOD)
    rows = TaskRows(parse("t", "flan2021", OPEN), source, "train")
    assert source.read == 0
    assert len(rows) == 5
    assert (rows[3].answer, rows[3].row_id, rows[-1].answer) == ("a3", "t/train/3", "a4")
    assert source.read == 2  # a row that was made is kept
    assert [row.row_id for row in rows[1:3]] == ["t/train/1", "t/train/2"]
    with pytest.raises(IndexError):
        rows[5]


def test_a_record_may_bring_its_own_id():
    assert task_rows(OPEN, GOOD, {"id": "uid"})[2].row_id == "t/train/u2"
    with pytest.raises(UserError, match=r"no field 'udi'.*'uid'"):
        task_rows(OPEN, GOOD, {"id": "udi"})[2]


def test_a_malformed_row_stops_or_is_skipped_and_counted():
    records = [*GOOD[:2], {"q": "", "a": "x"}, *GOOD[2:]]
    stopping = task_rows(OPEN, records)
    assert len(stopping) == 6
    with pytest.raises(UserError, match="'t/train/2'"):
        stopping[2]
    skipping = task_rows(OPEN, records, on_malformed="skip")
    assert [row.row_id for row in skipping] == [f"t/train/{n}" for n in (0, 1, 3, 4, 5)]
    assert (len(skipping), skipping.malformed, skipping.left_out) == (5, 1, 0)
    with pytest.raises(UserError, match="on_malformed is 'ignore'"):
        task_rows(OPEN, records, on_malformed="ignore")


def test_records_that_an_adapter_leaves_out_have_no_row_and_the_others_keep_their_names():
    text = HEAD + 'adapter = "no_spaces"\n[fields]\ntext = "damaged"\n[answer]\ntext = "text"\n'
    rows = task_rows(text, [{"text": "a b"}, {"text": "single"}, {"text": "c d e"}])
    assert [(row.row_id, row.fields["text"], row.answer) for row in rows] == [
        ("t/train/0", "ab", "a b"),
        ("t/train/2", "cde", "c d e"),
    ]
    assert (rows.left_out, rows.malformed) == (1, 0)


def test_a_malformed_record_is_met_where_it_stands_though_others_are_left_out():
    text = HEAD + 'adapter = "no_spaces"\n[fields]\ntext = "damaged"\n[answer]\ntext = "text"\n'
    records = [{"text": "a b"}, {"text": "single"}, {"text": 3}, {"text": "c d"}]
    rows = task_rows(text, records)
    assert (len(rows), rows[2].row_id) == (3, "t/train/3")
    with pytest.raises(UserError, match="'t/train/2'"):
        rows[1]
    skipping = task_rows(text, records, on_malformed="skip")
    assert (len(skipping), skipping.left_out, skipping.malformed) == (2, 1, 1)
