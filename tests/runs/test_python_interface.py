"""Training from Python, without gin: the README's snippet."""

from __future__ import annotations

import pathlib
import re

README = pathlib.Path(__file__).parents[2] / "README.md"


def _snippet() -> str:
    """The README's code, with the tests' own tasks in the place of the reader's."""
    (code,) = re.findall(r"```python\n(from functools.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    return code.replace("my_tasks", "toy_tasks").replace("my_mixture", "toy_mixture")


def test_train_works_from_python_without_gin(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    exec(_snippet(), found)
    assert found["step"] == int(found["state"].step) == 4
    assert {path.name for path in (tmp_path / "run").glob("checkpoint_*")} == {
        "checkpoint_0",
        "checkpoint_2",
        "checkpoint_4",
    }
