"""A data folder with tasks of a user's own: what mixtures, exports and the Python API are tested on."""

from __future__ import annotations

import json
import pathlib
import random

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WORDS = ("red", "green", "small", "large", "old", "new", "river", "stone", "house", "garden", "window", "bread", "lamp")

DECLARATION = """
dataset = "{dataset}"
templates = "{templates}"
licence = "CC0"
rows = {rows}

[fields]
{fields}

[answer]
{answer}

[[sources]]
kind = "jsonl"
files = {{ train = "{file}.jsonl", validation = "{file}_validation.jsonl" }}
"""
AGREES = """
fields = ["text", "claim"]
options = true
instructions = ["Compare the claim with the text."]
"""
TELLS = """
fields = ["story"]
options = false
instructions = ["Read, then say how it goes on."]
"""
TEMPLATE = """
[[{kind}]]
id = "{kind}-{number}"
input = "{text}"
target_prefix = "Said: "
"""
INVERSION = """
[[inversion]]
id = "backwards"
predicts = ["claim"]
input = "{text}\\nWrite a claim to which the answer is {answer}."
target = "{claim}"
"""


def _templates(top: str, text: str) -> str:
    entries = [
        TEMPLATE.format(kind=kind, number=number, text=f"Look {number}. {text}")
        for kind in ("zero_shot", "few_shot")
        for number in range(3)
    ]
    return top + "".join(entries)


def _says(rng: random.Random, count: int) -> str:
    return " ".join(rng.choices(WORDS, k=count))


@pytest.fixture(scope="session")
def own_data(tmp_path_factory) -> pathlib.Path:
    """A data folder with the submixture `mine`: `agrees` (with options), `tells` (without) and `ghost` (no data)."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "tasks" / "mine").mkdir(parents=True)
    (folder / "templates").mkdir()
    (folder / "templates" / "agreement.toml").write_text(_templates(AGREES, "{text}\\n{claim}") + INVERSION)
    (folder / "templates" / "telling.toml").write_text(_templates(TELLS, "{story}"))
    agrees = {"templates": "agreement", "fields": 'text = "text"\nclaim = "claim"'}
    agrees |= {"answer": 'options = ["yes", "no"]\nlabel = "label"'}
    tells = {"templates": "telling", "fields": 'story = "story"', "answer": 'text = "end"'}
    for task, said, rows in (("agrees", agrees, 60), ("tells", tells, 30), ("ghost", tells, 10)):
        text = DECLARATION.format(dataset=task, file=task, rows=rows, **said)
        if task == "tells":
            text = text.replace("[[sources]]", '[long]\nstory = "tail"\n\n[[sources]]')
        (folder / "tasks" / "mine" / f"{task}.toml").write_text(text)
    rng = random.Random(5)
    for split, size in (("", 60), ("_validation", 7)):
        records = [
            {"text": _says(rng, 9), "claim": f"<b>{_says(rng, 4)}</b> 東京 {n}", "label": n % 2} for n in range(size)
        ]
        _write(folder / f"agrees{split}.jsonl", records)
        records = [{"story": f"{n} {_says(rng, 30)}", "end": _says(rng, 5)} for n in range(size // 2)]
        _write(folder / f"tells{split}.jsonl", records)
    return folder


def _write(path: pathlib.Path, records: list[dict]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.fixture
def mine(own_data, monkeypatch) -> pathlib.Path:
    """The same, set as the data folder."""
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(own_data))
    return own_data


@pytest.fixture(scope="session")
def small_vocabulary() -> pathlib.Path:
    """A SentencePiece model that comes with the package."""
    return ROOT / "flan_mixtures" / "mini" / "vocabulary.model"
