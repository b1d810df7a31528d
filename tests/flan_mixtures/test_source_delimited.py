"""CSV as RFC 4180 has it, TSV as the Flan Collection has it."""

from __future__ import annotations

import gzip

import pytest

from flan_mixtures.sources.make_source import make_source
from flan_mixtures.sources.source_config import SourceConfig
from t5x.errors import UserError


def open_table(path, content: bytes, config=None, **keys):
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    kind = "csv" if ".csv" in path.name else "tsv"
    return make_source({"kind": kind, "files": {"train": str(path)}, **keys}, config).open("train")


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_quoted_cells_hold_commas_line_breaks_and_quotes(tmp_path, name, end):
    lines = [
        b"question,answer",
        '"who, where","Zürich 東京"'.encode(),
        b'"says ""no""",""',
        b"",
        b'"one\ntwo\n\nthree",4',
    ]
    rows = open_table(tmp_path / name, end.join(lines) + end)
    assert list(rows) == [
        {"question": "who, where", "answer": "Zürich 東京"},
        {"question": 'says "no"', "answer": ""},
        {"question": "one\ntwo\n\nthree", "answer": "4"},
    ]
    assert rows[2] == list(rows)[2]


def test_columns_can_be_given_where_the_file_has_no_header_and_mmlu_is_read(shared):
    path = shared / "data" / "mmlu" / "test" / "high_school_world_history_test.csv"
    columns = ["question", "a", "b", "c", "d", "answer"]
    rows = make_source({"kind": "csv", "files": {"test": str(path)}, "columns": columns}).open("test")
    assert len(rows) == 237  # MMLU's published count of this subject
    assert {row["answer"] for row in rows} == set("ABCD")
    assert sum("\n" in row["question"] for row in rows) > 0


def test_a_very_long_cell_and_a_last_line_without_line_feed_are_read(tmp_path):
    rows = open_table(tmp_path / "a.csv", b"text,n\n" + b'"' + b"y" * 400_000 + b'",1')
    assert len(rows[0]["text"]) == 400_000


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (b"only one", "found 1 columns, expected 2"),
        (b"1,2,3", "found 3 columns, expected 2"),
        (b'"open,2', "is a quote missing"),
        (b"\xff,2", "byte 0xff is not UTF-8"),
    ],
)
def test_a_malformed_csv_row_is_named_by_its_first_line_or_left_out_alone(tmp_path, bad, words):
    content = b'a,b\n"one\ntwo",2\n' + bad + b"\n3,4\n5,6\n"
    with pytest.raises(UserError, match=words) as error:
        open_table(tmp_path / "a.csv", content)
    assert "a.csv:4: " in str(error.value)
    rows = open_table(tmp_path / "a.csv", content, SourceConfig(on_malformed="skip"))
    assert [row["a"] for row in rows] == ["one\ntwo", "3", "5"]
    assert rows.skipped == 1


def test_a_header_with_a_name_twice_or_no_row_below_it_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"a\.csv:1: .*'a' is there twice"):
        open_table(tmp_path / "a.csv", b"a,b,a\n1,2,3\n")
    with pytest.raises(UserError, match="has no row"):
        open_table(tmp_path / "a.csv", b"a,b\n")


def test_tsv_takes_quotes_as_they_are_and_backslash_n_as_a_line_break(tmp_path):
    content = 'q\ta\r\n"so \\n it" said\t\\alpha \u2028 é \r\n\r\n"\t"\r\n'.encode()
    assert list(open_table(tmp_path / "a.tsv", content)) == [
        {"q": '"so \n it" said', "a": "\\alpha \u2028 é"},
        {"q": '"', "a": '"'},
    ]
    assert open_table(tmp_path / "b.tsv", content, escapes=False)[0]["q"] == '"so \\n it" said'


def test_a_malformed_tsv_row_is_named(tmp_path):
    with pytest.raises(UserError, match=r"a\.tsv:3: found 1 columns, expected 2 \(a, b\)\. The row begins 'no tab'"):
        open_table(tmp_path / "a.tsv", b"a\tb\n1\t2\nno tab\n")
    with pytest.raises(UserError, match=r"a\.tsv:2: the byte 0xfe is not UTF-8"):
        open_table(tmp_path / "a.tsv", b"a\tb\n1\t\xfe\n")
