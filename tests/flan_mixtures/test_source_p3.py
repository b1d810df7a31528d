"""P3 files lose their end marker and nothing else."""

from __future__ import annotations

import json

import pytest

from flan_mixtures.sources.make_source import make_source
from flan_mixtures.sources.p3 import discover
from t5x.errors import UserError


def source(path):
    return make_source({"kind": "p3", "files": {"train": str(path)}})


def test_the_marker_and_the_space_around_the_answer_go_and_the_prompt_stays(tmp_path):
    completions = ["yes<|endoftext|>", " no \n<|endoftext|>\n", "without", "in <|endoftext|> the middle<|endoftext|>"]
    lines = [json.dumps({"prompt": f" {n}\n", "completion": text, "more": n}) for n, text in enumerate(completions)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))  # no final line feed
    records = source(tmp_path / "a.jsonl").open("train")
    assert [record["completion"] for record in records] == ["yes", "no", "without", "in <|endoftext|> the middle"]
    assert records[1] == {"prompt": " 1\n", "completion": "no", "more": 1}


@pytest.mark.parametrize("row", [{"prompt": "a"}, {"prompt": "a", "completion": None}, {"completion": "a"}])
def test_a_row_without_prompt_or_completion_is_malformed(tmp_path, row):
    (tmp_path / "a.jsonl").write_text(json.dumps({"prompt": "a", "completion": "b"}) + "\n" + json.dumps(row))
    with pytest.raises(UserError, match=r"a\.jsonl:2: expected a text '(prompt|completion)'"):
        source(tmp_path / "a.jsonl").open("train")


def test_the_real_files_are_discovered_and_the_empty_one_says_that_it_is_missing(shared):
    tasks = discover(str(shared / "data" / "p3_sample"))
    assert len(tasks) == 20
    missing = {name: make_source(mapping).missing() for name, mapping in tasks.items()}
    assert [name for name, reason in missing.items() if reason] == ["trec_fine_grained_ENTY"]
    assert missing["trec_fine_grained_ENTY"].startswith("empty file ")
    for name in tasks.keys() - {"trec_fine_grained_ENTY"}:
        records = make_source(tasks[name]).open("train")
        assert len(records) == 200
        assert all(record["completion"] == record["completion"].strip() for record in records)
        assert not any("<|endoftext|>" in record["completion"] for record in records)
    assert make_source(tasks["glue_mrpc_same_thing"]).open("train")[0]["completion"] == "yes"


def test_a_folder_without_p3_files_is_an_error(tmp_path):
    with pytest.raises(UserError, match="holds no P3 files"):
        discover(str(tmp_path))
