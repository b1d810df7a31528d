"""Records of the real files become rows by the declarations of T0, NIv2 and chain of thought."""

from __future__ import annotations

import pytest

from flan_mixtures.catalogue import niv2, t0
from flan_mixtures.catalogue.declaration import declarations
from flan_mixtures.catalogue.row_mapping import to_row
from flan_mixtures.sources.make_source import make_source


@pytest.fixture
def data(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))


def first_rows(declaration, source_mapping, count=20):
    source = make_source(source_mapping)
    if source.missing():
        return []
    records = source.open("train")
    return [to_row(declaration, source_mapping, records[index], str(index)) for index in range(count)]


@pytest.mark.parametrize(
    ("submixture", "tasks"),
    [
        (lambda: {**t0.declarations(), **t0.discovered()}, 19),
        (niv2.discovered, 5),
        (lambda: {task: niv2.declarations()[task] for task in niv2.discovered()}, 5),
        (lambda: declarations("cot"), 7),
    ],
    ids=["t0", "niv2 discovered", "niv2 declared", "cot"],
)
def test_rows_have_the_fields_of_their_declaration_and_an_answer(data, submixture, tasks):
    with_rows = set()
    for task, declaration in submixture().items():
        for source_mapping in declaration.sources:
            for row in first_rows(declaration, source_mapping):
                with_rows.add(task)
                assert row.task == task
                assert set(row.fields) == {*declaration.fields, "answer"}
                assert row.answer
                assert row.answer == row.references[0]
    assert len(with_rows) == tasks


def test_every_right_answer_of_an_niv2_instance_is_a_reference(data):
    declaration = niv2.discovered()["task002_quoref_answer_generation"]
    rows = first_rows(declaration, declaration.sources[0], count=200)
    assert {row.fields["definition"] for row in rows} == {rows[0].fields["definition"]}
    assert all(isinstance(reference, str) for row in rows for reference in row.references)
