"""Names, shapes and logical axes of all parameters, and the statistics they are drawn with.

The names are T5X's, so that its checkpoints fit; golden files hold the trees of a two-layer T5 1.0 and T5 1.1. After a
change made on purpose:  python tests/core/test_parameter_tree.py
"""

from __future__ import annotations

import functools
import json
import pathlib

import jax
import numpy as np
import pytest
from flax import traverse_util
from tiny_t5 import INPUTS, TARGETS, flat, make_model

from t5x.examples.t5.network import T5Config

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
SIZES = dict(vocab_size=96, emb_dim=16, num_heads=4, num_encoder_layers=2, num_decoder_layers=2, head_dim=8, mlp_dim=48)
MODELS = {
    "t5_1_0": T5Config(**SIZES, mlp_activations=("relu",), logits_via_embedding=True),
    "t5_1_1": T5Config(**SIZES, mlp_activations=("gelu", "linear")),
}
# Both counted in trees that T5X made.
COUNTS = {"t5_1_0": 47, "t5_1_1": 52}
SHAPES = {
    "encoder_input_tokens": (2, INPUTS),
    "decoder_input_tokens": (2, TARGETS),
    "decoder_target_tokens": (2, TARGETS),
}


def tree_of(cfg: T5Config) -> dict[str, dict[str, list]]:
    model = make_model(cfg)
    variables = jax.eval_shape(lambda rng: model.get_initial_variables(rng, SHAPES), jax.random.key(0))
    params, axes = model.params_shapes_and_axes(variables)
    axes = traverse_util.flatten_dict(axes, sep="/", is_leaf=lambda _, node: isinstance(node, tuple))
    return {
        name: {"shape": list(leaf.shape), "axes": list(axes[name]), "dtype": str(leaf.dtype)}
        for name, leaf in sorted(flat(params).items())
    }


@pytest.mark.parametrize("name", MODELS)
def test_parameters_have_the_names_shapes_and_axes_of_t5x(name):
    expected = json.loads((GOLDEN / f"parameters_{name}.json").read_text())
    tree = tree_of(MODELS[name])
    assert len(tree) == COUNTS[name]
    assert tree == expected, "T5X's checkpoints would no longer fit; if that is meant, see this file's docstring"


def test_the_golden_trees_are_those_of_real_t5x_checkpoints(shared):
    """The names of T5X's own two-layer checkpoint are those of the T5 1.1 golden file."""
    expected = json.loads((shared / "data/t5x_checkpoints/t5_1_1_2layer/expected.json").read_text())["param_sums"]
    assert set(json.loads((GOLDEN / "parameters_t5_1_1.json").read_text())) == set(expected)


WIDE = T5Config(
    vocab_size=512,
    emb_dim=128,
    num_heads=8,
    num_encoder_layers=1,
    num_decoder_layers=1,
    head_dim=16,
    mlp_dim=256,
    mlp_activations=("gelu", "linear"),
)


@functools.cache
def wide_params():
    model = make_model(WIDE)
    variables = jax.jit(lambda rng: model.get_initial_variables(rng, SHAPES))(jax.random.key(1))
    return {name: np.asarray(p) for name, p in flat(model.params_shapes_and_axes(variables)[0]).items()}


def _is_truncated(x: np.ndarray) -> bool:
    # variance_scaling cuts at 2 standard deviations of the uncut normal, 2 / 0.8796 of the cut one's.
    return np.max(np.abs(x)) <= 2.275 * np.std(x) * 1.02


@pytest.mark.parametrize(
    ("name", "deviation", "truncated"),
    [
        ("token_embedder/embedding", 1.0, False),
        # 1/sqrt(fan in), and for the query 1/sqrt(head_dim) more, in place of scaling the logits.
        ("encoder/layers_0/attention/query/kernel", 128**-0.5 / 4, False),
        ("encoder/layers_0/attention/key/kernel", 128**-0.5, False),
        ("encoder/layers_0/attention/value/kernel", 128**-0.5, False),
        ("encoder/layers_0/attention/out/kernel", 128**-0.5, False),
        ("decoder/layers_0/encoder_decoder_attention/query/kernel", 128**-0.5 / 4, False),
        ("encoder/layers_0/mlp/wi_0/kernel", 128**-0.5, True),
        ("encoder/layers_0/mlp/wi_1/kernel", 128**-0.5, True),
        ("encoder/layers_0/mlp/wo/kernel", 256**-0.5, True),
        ("decoder/logits_dense/kernel", 128**-0.5, True),
    ],
)
def test_kernels_are_drawn_with_t5_deviations(name, deviation, truncated):
    values = wide_params()[name]
    # Four standard errors of a standard deviation.
    np.testing.assert_allclose(np.std(values), deviation, rtol=4 / np.sqrt(2 * values.size))
    assert abs(np.mean(values)) < 4 * deviation / np.sqrt(values.size)
    assert _is_truncated(values) == truncated


def test_position_biases_are_drawn_uniformly_over_the_mean_fan():
    limit = np.sqrt(3 / ((8 + 32) / 2))
    for tower in ("encoder", "decoder"):
        values = wide_params()[f"{tower}/relpos_bias/rel_embedding"]
        assert np.max(np.abs(values)) <= limit
        np.testing.assert_allclose(np.std(values), limit / np.sqrt(3), rtol=4 / np.sqrt(2 * values.size))


def test_layer_norms_start_at_one():
    scales = [value for name, value in wide_params().items() if name.endswith("scale")]
    assert len(scales) == 7
    assert all(np.all(scale == 1) for scale in scales)


def test_equal_kernels_of_different_layers_are_drawn_apart():
    params = wide_params()
    key, value = (params[f"encoder/layers_0/attention/{name}/kernel"] for name in ("key", "value"))
    assert abs(np.corrcoef(key.ravel(), value.ravel())[0, 1]) < 0.05


if __name__ == "__main__":
    for name, cfg in MODELS.items():
        (GOLDEN / f"parameters_{name}.json").write_text(json.dumps(tree_of(cfg), indent=1) + "\n")
