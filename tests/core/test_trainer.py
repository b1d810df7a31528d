"""The trainer: compiled once, metrics under T5X's names, the rate that is logged is the rate that was used."""

from __future__ import annotations

import itertools

import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_t5 import (
    INPUTS,
    TARGETS,
    device,
    fresh_state,
    init_params,
    make_batch,
    make_model,
    one_device_partitioner,
    pack,
)

from t5x import metrics as metrics_lib
from t5x.adafactor import Adafactor
from t5x.errors import UserError
from t5x.initialize import TrainStateInitializer
from t5x.optim.learning_rate import create_learning_rate_scheduler
from t5x.trainer import Trainer

ROWS = 4
SCHEDULE = create_learning_rate_scheduler("constant * linear_warmup", base_learning_rate=0.1, warmup_steps=10)

# What T5X writes; `{}` stands for the two sides of a batch.
T5X_NAMES = (
    "accuracy",
    "loss",
    "loss_per_nonpadding_target_token",
    "loss_per_all_target_tokens",
    "z_loss",
    "z_loss_per_all_target_tokens",
    "cross_ent_loss",
    "cross_ent_loss_per_all_target_tokens",
    "effective_batch_size/{}",
    "non_padding_fraction/{}",
    "non_padding_fraction/overall",
    "non_padding_fraction/loss_weights",
    "timing/seqs_per_second",
    "timing/seqs_per_second_per_core",
    "timing/steps_per_second",
    "timing/seconds",
    "timing/seqs",
    "timing/target_tokens_per_second",
    "timing/target_tokens_per_second_per_core",
)
OUR_NAMES = {"timing/nonpadding_tokens_per_second"}
TRAINING_ONLY = {"learning_rate", "learning_rate/current"}


def names(*sides: str) -> set[str]:
    return {name.format(side) for name in T5X_NAMES for side in sides} | OUR_NAMES


def make_trainer(model=None) -> Trainer:
    model = model or make_model()
    partitioner = one_device_partitioner()
    shapes = {
        "encoder_input_tokens": (ROWS, INPUTS),
        "decoder_input_tokens": (ROWS, TARGETS),
        "decoder_target_tokens": (ROWS, TARGETS),
    }
    initializer = TrainStateInitializer(model, shapes, partitioner)
    state = jax.device_put(fresh_state(model, init_params(model)), initializer.shardings)
    axes = initializer.train_state_axes
    return Trainer(model, state, partitioner, ["held_out"], None, axes, jax.random.key(0), SCHEDULE)


def batches():
    return (make_batch(ROWS, seed=i) for i in itertools.count())


@pytest.fixture(scope="module")
def trainer():
    return make_trainer()


def test_the_second_call_compiles_nothing(trainer):
    trainer.train(batches(), 3)
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, seconds, **_: compiled.append(event) if "compile" in event else None
    )
    try:
        jax.jit(lambda x: x * 3 + 0.123)(jnp.ones(7))
        assert compiled  # the listener hears compilations
        compiled.clear()
        trainer.train(batches(), 3)
    finally:
        jax.monitoring.clear_event_listeners()
    assert not compiled
    assert trainer._train_step._cache_size() == 1


def test_metrics_of_unpacked_batches_have_t5x_names(trainer):
    sides = ("encoder_input_tokens", "decoder_target_tokens")
    assert set(trainer.train(batches(), 1)) == names(*sides) | TRAINING_ONLY
    evaluated = trainer.eval({"held_out": itertools.islice(batches(), 2)})
    assert set(evaluated) == {"held_out"}
    assert set(evaluated["held_out"]) == names(*sides)


def test_metrics_of_packed_batches_have_t5x_names_and_count_the_packed_examples():
    packed = pack(make_batch(3))
    model = make_model()
    _, metrics = jax.jit(lambda batch: model.eval_fn(init_params(model), batch))(device(packed))
    values = metrics_lib.finalize(jax.device_get(metrics), steps=1, seconds=2.0)
    assert set(values) == names("encoder", "decoder")
    assert values["effective_batch_size/encoder"] == values["effective_batch_size/decoder"] == 3
    real = np.sum(packed["decoder_target_tokens"] > 0)
    np.testing.assert_allclose(values["non_padding_fraction/decoder"], real / (real + 2), rtol=1e-6)
    assert values["timing/steps_per_second"] == 0.5


def test_metrics_are_those_of_the_tokens_whatever_the_number_of_steps():
    model = make_model(z_loss=1e-2)
    params = init_params(model)
    loss = jax.jit(lambda batch: model.eval_fn(params, batch)[1])
    some = [device(make_batch(ROWS, seed=i)) for i in range(2)]
    first, second = (jax.device_get(loss(batch)) for batch in some)
    values = metrics_lib.finalize(metrics_lib.merge(first, second), steps=2, seconds=1.0)
    weights = [float(np.sum(batch["decoder_loss_weights"])) for batch in some]
    totals = [float(first["loss"].total), float(second["loss"].total)]
    np.testing.assert_allclose(values["loss"], sum(totals) / 2, rtol=1e-6)
    np.testing.assert_allclose(values["loss_per_nonpadding_target_token"], sum(totals) / sum(weights), rtol=1e-6)
    np.testing.assert_allclose(values["cross_ent_loss"] + values["z_loss"], values["loss"], rtol=1e-6)
    assert values["timing/seqs"] == 2 * ROWS
    assert values["timing/target_tokens_per_second"] == 2 * ROWS * TARGETS


def test_the_logged_rate_is_that_of_the_step_before_its_update(trainer):
    step = int(trainer.train_state.step)
    values = trainer.train(batches(), 1)
    np.testing.assert_allclose(values["learning_rate"], SCHEDULE(jnp.asarray(step)), rtol=1e-6)
    np.testing.assert_allclose(values["learning_rate/current"], SCHEDULE(jnp.asarray(step + 1)), rtol=1e-6)


def test_an_optimizer_with_a_rate_of_its_own_has_that_rate_logged():
    class OwnRate(Adafactor):
        def learning_rate(self, state, schedule_value):
            return jnp.float32(0.25)

    model = make_model()
    model.optimizer_def = OwnRate()
    assert make_trainer(model).train(batches(), 1)["learning_rate"] == 0.25


def test_each_step_is_told_once_and_in_order(trainer):
    first = int(trainer.train_state.step)
    told = []
    trainer.train(batches(), 4, on_step=lambda step, values: told.append((step, values["loss"])))
    assert [step for step, _ in told] == [first + i for i in range(1, 5)]
    assert len({loss for _, loss in told}) == 4


def test_a_trainer_asked_to_stop_ends_after_the_step_under_way(trainer):
    def stopping():
        for i, batch in enumerate(batches()):
            if i == 1:
                trainer.stop_training = True
            yield batch

    first = int(trainer.train_state.step)
    trainer.train(stopping(), 10)
    trainer.stop_training = False
    assert int(trainer.train_state.step) == first + 2


def test_data_that_ends_too_early_says_at_which_step(trainer):
    first = int(trainer.train_state.step)
    with pytest.raises(UserError, match=f"training data ended at step {first + 2}"):
        trainer.train(itertools.islice(batches(), 2), 5)


def test_a_loss_that_is_not_finite_ends_training_and_says_where():
    model = make_model()
    trainer = make_trainer(model)
    outside = {**make_batch(ROWS), "encoder_input_tokens": np.full((ROWS, INPUTS), 10_000, np.int32)}
    with pytest.raises(UserError, match="loss is nan at step 1"):
        trainer.train(iter([outside, outside]), 2)


def test_weight_metrics_are_refused_in_a_sentence(trainer):
    with pytest.raises(UserError, match="weight_metrics_computer is not supported"):
        Trainer(
            make_model(), trainer.train_state, one_device_partitioner(), [], None, None, None, SCHEDULE, None, object()
        )
