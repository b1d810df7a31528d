"""A user's own presets, rates, styles and exemplar pools, from files in the data folder."""

from __future__ import annotations

import json

import pytest

from flan_mixtures.catalogue import catalogue
from flan_mixtures.mixtures.mixture import Mixture, task_data
from flan_mixtures.mixtures.names import definition
from flan_mixtures.rendering.compose import whitespace_tokens
from flan_mixtures.rendering.fit import Fitted, Lengths
from flan_mixtures.sources.data_root import ENVIRONMENT_VARIABLE
from flan_mixtures.sources.source_config import SourceConfig
from t5x.errors import UserError

DECLARATION = """
dataset = "{name}"
templates = "math_problem"
rows = {rows}
fields = {{ question = "q" }}
answer = {{ text = "a" }}
[[sources]]
kind = "jsonl"
exemplars = "validation"
files = {{ train = "{name}.jsonl", validation = "{name}_dev.jsonl" }}
"""
STYLES = """
[four_shots]
shots = { 4 = 1.0 }
instruction = { once = 1.0 }
"""
PRESETS = """
[evened]
source = "a test"
[evened.submixtures.sums]
weight = 1
styles = { four_shots = 1 }
rates = { kind = "temperature", temperature = 2 }

[by_hand]
source = "a test"
[by_hand.submixtures.sums]
weight = 1
styles = { zsopt = 1 }
rates = { kind = "fixed", rates = { small = 3, large = 1 } }

[spread]
source = "a test"
[spread.submixtures.sums]
weight = 1
styles = { zsopt = 1 }
rates = { kind = "unimax", draws = 3000, epochs = 1 }
"""


@pytest.fixture
def data(tmp_path, monkeypatch):
    (tmp_path / "tasks" / "sums").mkdir(parents=True)
    for name, rows in (("small", 100), ("large", 10_000)):
        (tmp_path / "tasks" / "sums" / f"{name}.toml").write_text(DECLARATION.format(name=name, rows=rows))
        for file, words in ((name, "plus"), (f"{name}_dev", "and")):
            lines = (json.dumps({"q": f"What is {i} {words} {i}?", "a": str(2 * i)}) for i in range(20))
            (tmp_path / f"{file}.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "styles.toml").write_text(STYLES)
    (tmp_path / "presets.toml").write_text(PRESETS)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    return tmp_path


def _shares(name: str) -> dict[str, float]:
    return {part.declaration.task: round(part.share, 6) for part in Mixture(name).parts}


def test_a_preset_of_ones_own_is_a_mixture_of_its_name(data):
    assert definition("evened").preset.source == "a test"
    assert {part.styles.name for part in Mixture("evened").parts} == {"four_shots"}


def test_a_temperature_evens_the_tasks_out(data):
    assert _shares("evened") == {"small": round(1 / 11, 6), "large": round(10 / 11, 6)}


def test_fixed_rates_are_taken_as_they_are(data):
    assert _shares("by_hand") == {"small": 0.75, "large": 0.25}


def test_unimax_repeats_no_task_more_than_asked(data):
    assert _shares("spread") == {"small": round(100 / 3000, 6), "large": round(2900 / 3000, 6)}


def test_a_fixed_rate_for_no_task_is_an_error(data):
    text = PRESETS.replace("small = 3", "smal = 3")
    (data / "presets.toml").write_text(text)
    with pytest.raises(UserError, match=r"'smal'.*small"):
        Mixture("by_hand")


def test_a_style_that_is_not_there_is_an_error_with_the_nearest(data):
    (data / "presets.toml").write_text(PRESETS.replace("four_shots", "five_shots"))
    with pytest.raises(UserError, match=r"five_shots.*four_shots"):
        Mixture("evened")


def test_rates_of_a_kind_that_is_not_there_are_an_error(data):
    (data / "presets.toml").write_text(PRESETS.replace('"temperature"', '"temprature"'))
    with pytest.raises(UserError, match=r"'temprature'.*temperature"):
        Mixture("evened")


def test_exemplars_come_from_the_split_that_the_source_names(data):
    mixture = Mixture("evened")
    for place in mixture.places(range(50)):
        fitted = mixture.example_at(place, Lengths(1000, 100), whitespace_tokens())
        assert isinstance(fitted, Fitted)
        assert len(fitted.example.shots) == 4
        assert all("/validation/" in shot for shot in fitted.example.shots)
        assert "/train/" in fitted.example.row_id


def test_the_pool_of_another_split_is_opened_once(data):
    pool = task_data(catalogue.task("small"), SourceConfig(), "train").pool
    assert len(pool) == 20
    assert "and" in pool[0].fields["question"]
