"""A data set of one's own, added as the README says."""

from __future__ import annotations

import json
import pathlib
import re

import flan_mixtures
from flan_mixtures.sources.data_root import ENVIRONMENT_VARIABLE

README = pathlib.Path(__file__).parents[2] / "README.md"


def test_the_declaration_in_the_readme_makes_a_task_and_a_mixture(tmp_path, monkeypatch):
    (declaration,) = re.findall(r"```toml\n# (tasks/\S+): .*?\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    path, text = declaration
    assert len(text.splitlines()) <= 18
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    (tmp_path / "weather").mkdir()
    for split, count in (("train", 8), ("dev", 2)):
        rows = [
            {"station": f"Station {i}", "report": f"{i} mm of rain.", "question": "Was it dry?", "label": int(i > 0)}
            for i in range(count)
        ]
        (tmp_path / "weather" / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    row = flan_mixtures.render("weather", index=3, style="fsopt", shots=2)
    assert "3 mm of rain." in row["inputs"]
    assert len(row["shots"]) == 2
    assert "weather/train/3" not in row["shots"]
    assert set(flan_mixtures.render("weather", index=0, style="zsnoopt")["targets"].split()) == {"yes"}
