"""What a run writes down about its own config."""

from __future__ import annotations

import toy_program

import gin
from t5x import gin_utils
from t5x.config.operative_config import write_operative_config
from t5x.config.parse import parse_gin_flags


class RecordingWriter:
    """Keeps the texts it is given."""

    def __init__(self):
        self.texts, self.flushed = {}, False

    def write_texts(self, step, texts):
        self.texts = {(step, name): text for name, text in texts.items()}

    def flush(self):
        self.flushed = True


def test_the_written_config_runs_again_and_says_the_same(toy_gin, tmp_path, clean_gin):
    parse_gin_flags([], [toy_gin], ["MODEL_DIR = '/x'", "STEPS = 3"])
    writer = RecordingWriter()
    gin_utils.summarize_gin_config(str(tmp_path / "run"), writer, 5)
    first = gin.config_str()
    assert (tmp_path / "run/config.gin").read_text() == first
    assert "STEPS = 3" in writer.texts[5, "config"]
    assert writer.flushed
    gin.clear_config()
    parse_gin_flags([], [str(tmp_path / "run/config.gin")], [])
    assert gin.config_str() == first


def test_the_operative_config_holds_defaults_of_what_was_called_and_nothing_else(toy_gin, tmp_path, clean_gin):
    parse_gin_flags([], [toy_gin], ["MODEL_DIR = '/x'", "STEPS = 3"])
    gin.get_configurable(toy_program.Model)()
    write_operative_config(str(tmp_path))
    text = (tmp_path / "operative_config.gin").read_text()
    assert "toy_program.Model.z_loss = 0.0" in text
    assert "Evaluator" not in text


def test_no_unfinished_file_stays_behind(toy_gin, tmp_path, clean_gin):
    write_operative_config(str(tmp_path))
    assert [file.name for file in tmp_path.iterdir() if file.name != "toy.gin"] == ["operative_config.gin"]
