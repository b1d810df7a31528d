"""The way from the training loop to the loss is the one the README prints: traced, not believed.

One tiny step runs under `sys.setprofile`; where the loss is reached, the stack of this repository's functions is the
way. The README's section holds one numbered line per function, which begins with its file and its name, both between
backticks, and after the list the functions that apply the gradient, likewise.
"""

from __future__ import annotations

import itertools
import pathlib
import re
import sys

import jax
import jax.numpy as jnp
import pytest
from tiny_t5 import INPUTS, TARGETS, fresh_state, init_params, make_batch, make_model, one_device_partitioner

from t5x.ckpt.schedule import SaveSchedule
from t5x.initialize import TrainStateInitializer
from t5x.report.progress import Progress
from t5x.train_loop import TrainLoop
from t5x.trainer import Trainer

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECTION = "## One training step in five hops"

WAY_TO_THE_LOSS = [
    ("t5x/train_loop.py", "TrainLoop.run"),
    ("t5x/trainer.py", "Trainer.train"),
    ("t5x/train_step.py", "train_step"),
    ("t5x/model/interface.py", "BaseTransformerModel.loss_fn"),
    ("t5x/examples/t5/network.py", "Transformer.loss_sums"),
    ("t5x/projected_loss.py", "projected_cross_entropy"),
]
WAY_TO_THE_PARAMETERS = [
    ("t5x/train_state.py", "FlaxOptimTrainState.apply_gradient"),
    ("t5x/adafactor.py", "Adafactor.apply_gradient"),
]
# On the stack, and nothing a reader must stop at: they hand over what they were given.
PASSED_THROUGH = {
    ("t5x/trainer.py", "Trainer._step"),  # binds the trainer's model and schedule
    ("t5x/shard/partitioner.py", "PjitPartitioner.partition.<locals>.over_mesh"),  # tells the network its mesh
    ("t5x/microbatch.py", "accumulate_gradients"),  # one microbatch is the whole batch
    ("t5x/model/encoder_decoder.py", "EncoderDecoderModel._loss_sums"),  # applies the network
    ("t5x/model/layers/output.py", "OutputProjection.loss_sums"),  # hands its output kernel to the loss
}


def _stack(frame) -> list[tuple[str, str]]:
    """Returns file and name of this repository's functions on the stack, outermost first."""
    found = []
    while frame is not None:
        file = pathlib.Path(frame.f_code.co_filename)
        if file.is_relative_to(ROOT / "t5x"):
            found.append((file.relative_to(ROOT).as_posix(), frame.f_code.co_qualname))
        frame = frame.f_back
    return found[::-1]


@pytest.fixture(scope="module")
def stacks() -> dict[str, list[tuple[str, str]]]:
    """Returns the stack under the loss, and under the optimizer, of one training step."""
    model, partitioner = make_model(), one_device_partitioner()
    shapes = {
        "encoder_input_tokens": (2, INPUTS),
        "decoder_input_tokens": (2, TARGETS),
        "decoder_target_tokens": (2, TARGETS),
    }
    initializer = TrainStateInitializer(model, shapes, partitioner)
    state = jax.device_put(fresh_state(model, init_params(model)), initializer.shardings)
    trainer = Trainer(
        model, state, partitioner, [], None, initializer.train_state_axes, jax.random.key(0), lambda _: jnp.float32(0.1)
    )
    loop = TrainLoop(trainer, itertools.repeat(make_batch(2)), Progress(1), SaveSchedule(0, 1))
    ends = {WAY_TO_THE_LOSS[-1], WAY_TO_THE_PARAMETERS[-1]}
    seen: dict[str, list[tuple[str, str]]] = {}

    def spy(frame, event, _):
        if event == "call" and any(frame.f_code.co_qualname == name for _, name in ends):
            stack = _stack(frame)
            if stack and stack[-1] in ends:
                seen.setdefault(stack[-1][1], stack)

    sys.setprofile(spy)
    try:
        loop.run(0, evaluate_first=False)
    finally:
        sys.setprofile(None)
    assert int(trainer.train_state.step) == 1
    return seen


def test_the_loop_reaches_the_loss_in_five_hops(stacks):
    way = [place for place in stacks["projected_cross_entropy"] if place not in PASSED_THROUGH]
    assert way == WAY_TO_THE_LOSS


def test_the_step_reaches_the_new_parameters_in_two_more(stacks):
    way = [place for place in stacks["Adafactor.apply_gradient"] if place not in PASSED_THROUGH]
    assert way == [*WAY_TO_THE_LOSS[:3], *WAY_TO_THE_PARAMETERS]


def test_the_readme_prints_this_way():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert SECTION in text
    section = text.partition(SECTION)[2].partition("\n## ")[0]
    printed = re.findall(r"^\d+\. `([^`]+)` `([^`]+)`", section, re.MULTILINE)
    assert printed == WAY_TO_THE_LOSS[:5]
    after = section.partition(f"{len(printed)}. ")[2]
    assert f"`{WAY_TO_THE_LOSS[5][0]}`" in after
    for file, name in WAY_TO_THE_PARAMETERS:
        assert f"`{file}`" in after
        assert f"`{name}`" in after
