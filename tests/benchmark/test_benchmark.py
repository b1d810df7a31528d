"""The benchmark command runs on jax alone, and its FLOPs are those of the compiled work."""

from __future__ import annotations

import functools
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from t5x.adafactor import Adafactor
from t5x.benchmark.command import BenchmarkCommand
from t5x.benchmark.flops import forward_flops, training_flops
from t5x.benchmark.measure import time_in_turn
from t5x.benchmark.memory import loss_memory
from t5x.benchmark.peak import known_peak
from t5x.benchmark.workload import Shape, made_up_batch
from t5x.errors import UserError
from t5x.examples.t5 import network
from t5x.model.encoder_decoder import EncoderDecoderModel

TINY = (
    "network.T5Config.vocab_size=96",
    "network.T5Config.emb_dim=16",
    "network.T5Config.num_heads=2",
    "network.T5Config.head_dim=8",
    "network.T5Config.mlp_dim=24",
    "network.T5Config.num_encoder_layers=1",
    "network.T5Config.num_decoder_layers=1",
)
RUN = """
import sys
from t5x.main import main
status = main(sys.argv[1:])
heavy = {"tensorflow", "seqio", "clu", "torch", "transformers"} & set(sys.modules)
assert not heavy, heavy
sys.exit(status)
"""
# Element-wise work and reductions, which XLA counts and the formula does not: of a network of this size up to 15 %.
MARGIN = 0.15


def run(root, *arguments: str) -> str:
    """Runs `t5x benchmark` in a fresh interpreter that fails if TensorFlow or torch was imported."""
    command = [
        *("benchmark", "--gin_file=gin/networks/benchmark_reference.gin", *(f"--gin.{item}" for item in TINY)),
        *("--batch_size=8", "--input_length=12", "--target_length=4", *arguments),
    ]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *command],
        cwd=root,
        env={**os.environ, "XLA_FLAGS": "--xla_backend_optimization_level=0"},  # one device, compiled fast
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_command_times_every_kind_of_work_without_tensorflow(root):
    table = run(root, "--repeats=1", "--padding_fraction=0.5", "--microbatches=1")
    for name in ("train step", "eval step", "greedy decoding", "beam search, 1 beam", "compiling", "XLA counts"):
        assert f"\n{name}" in table, table
    assert "8 x 12 in, 4 out, 50 % padding" in table
    assert "Hugging Face" not in table


def test_the_memory_table_shows_that_chunks_hold_fewer_logits(root):
    assert "with all logits at once" in run(root, "--memory")


@pytest.mark.parametrize("activations", [("relu",), ("gelu", "linear")])
def test_the_formula_counts_what_xla_counts(activations):
    config = network.T5Config(512, emb_dim=128, num_heads=4, head_dim=32, mlp_dim=512, mlp_activations=activations)
    shape = Shape(batch_size=2, input_length=96, target_length=32)
    model = EncoderDecoderModel(network.Transformer(config), None, None, Adafactor())
    batch = made_up_batch(shape, config.vocab_size)
    shapes = {name: rows.shape for name, rows in batch.items()}
    params = jax.eval_shape(
        lambda: model.params_shapes_and_axes(model.get_initial_variables(jax.random.key(0), shapes))[0]
    )

    def counted(function) -> float:
        return jax.jit(function).lower(params, batch).cost_analysis()["flops"]

    loss = functools.partial(model.loss_fn, dropout_rng=None)
    sizes = (config, shape.batch_size, shape.input_length, shape.target_length)
    for counts, formula in (
        (counted(lambda params, batch: loss(params, batch)[0]), forward_flops(*sizes)),
        (counted(lambda params, batch: jax.grad(loss, has_aux=True)(params, batch)[0]), training_flops(*sizes)),
    ):
        assert formula < counts < (1 + MARGIN) * formula


def test_the_chunked_loss_of_a_large_vocabulary_takes_a_fraction_of_its_logits():
    # mT5's vocabulary, 4 x 1,024 targets: 4 GB of logits; nothing is allocated.
    memory = loss_memory(network.T5Config(250112, emb_dim=64), Shape(4, 8, 1024))
    assert memory.logits == 4 * 4 * 1024 * 250112
    assert memory.whole > 0.9 * memory.logits
    assert memory.in_chunks < 0.25 * memory.whole


def test_made_up_batches_pad_the_share_that_was_asked_for():
    shape = Shape(batch_size=3, input_length=10, target_length=4, padding_fraction=0.5)
    batch = made_up_batch(shape, 50)
    assert (batch["encoder_input_tokens"] > 0).sum(axis=1).tolist() == [5, 5, 5]
    assert (batch["decoder_target_tokens"] > 0).sum(axis=1).tolist() == [2, 2, 2]
    assert (batch["decoder_loss_weights"] == (batch["decoder_target_tokens"] > 0)).all()
    assert shape.real_tokens == 3 * (5 + 2)


def test_pieces_of_work_are_measured_in_turn():
    calls: list[str] = []
    pieces = {name: functools.partial(_work, calls, name) for name in ("a", "b")}
    timings = time_in_turn(pieces, repeats=3)
    assert [len(timing.seconds) for timing in timings.values()] == [3, 3]
    assert calls[-6:] == ["a", "b"] * 3  # after warming up


def _work(calls: list[str], name: str, steps: int) -> None:
    calls.append(name)
    jnp.ones(steps).block_until_ready()


def test_the_peak_of_a_known_accelerator_counts_all_devices():
    class Device:
        device_kind = "NVIDIA H100 80GB HBM3"

    peak = known_peak([Device(), Device()])
    assert peak.flops == 2 * 989e12
    assert known_peak(jax.devices("cpu")) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "needs a network"),
        (["--gin_file=x.gin", "--batch_size=0"], "above 0"),
        (["--gin_file=x.gin", "--repeat=3"], "--repeats"),
    ],
)
def test_mistakes_in_the_flags_are_explained(arguments, words):
    with pytest.raises(UserError, match=words):
        BenchmarkCommand().run(arguments)
