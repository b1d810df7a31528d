"""model-info.txt names every array with its size, shape and place on the mesh, and adds them up right."""

from __future__ import annotations

import jax.numpy as jnp
import pytest

from t5x.report.model_info import ArrayInfo, format_model_info, write_model_info

PARAMETERS = {
    "embedder/embedding": ArrayInfo((1000, 16), "float32", ("vocab", "embed"), ("model", None)),
    "decoder/decoder_norm/scale": ArrayInfo((16,), jnp.bfloat16, ("embed",), (None,)),
    "prompt": ArrayInfo((4, 16), "float32", (None, "embed"), (("data", "model"), None)),
}
STATE = {"step": ArrayInfo((), "int32")}


def test_each_array_has_its_name_size_axes_type_and_place():
    lines = format_model_info(PARAMETERS).splitlines()
    assert [" ".join(line.split()) for line in lines[:3]] == [
        "Variable embedder/embedding size 16,000 shape (vocab=1000, embed=16) float32 partition spec (model, None)",
        "Variable decoder/decoder_norm/scale size 16 shape (embed=16) bfloat16 partition spec (None)",
        "Variable prompt size 64 shape (4, embed=16) float32 partition spec (data+model, None)",
    ]
    assert len({line.index("partition spec") for line in lines[:3]}) == 1  # columns are aligned


def test_totals_count_elements_arrays_and_bytes():
    text = format_model_info(PARAMETERS)
    # 16,000 * 4 + 16 * 2 + 64 * 4 bytes = 64,288
    assert text.endswith("Total: 16,080 parameters in 3 arrays, 0.1 MB\n")
    assert "Optimizer state" not in text


def test_the_optimizer_state_follows_the_parameters():
    text = format_model_info(PARAMETERS, STATE)
    head, tail = text.split("\nOptimizer state\n")
    assert head.strip().endswith("0.1 MB")
    assert " ".join(tail.splitlines()[0].split()) == "Variable step size 1 shape () int32 partition spec whole"
    assert tail.splitlines()[1].startswith("Total: 1 numbers of optimizer state in 1 arrays")


def test_axis_names_that_do_not_fit_the_shape_are_an_error():
    with pytest.raises(ValueError, match="zip"):
        format_model_info({"a": ArrayInfo((2, 3), "float32", ("embed",))})


def test_the_file_replaces_an_older_one_whole(tmp_path):
    path = tmp_path / "run" / "model-info.txt"
    write_model_info(path, PARAMETERS, STATE)
    write_model_info(path, {"prompt": PARAMETERS["prompt"]})
    assert path.read_text() == format_model_info({"prompt": PARAMETERS["prompt"]})
    assert [file.name for file in path.parent.iterdir()] == ["model-info.txt"]
