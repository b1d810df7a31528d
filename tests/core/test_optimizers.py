"""optax's optimizers and MultiOptimizer under T5X's names: the same steps, T5X's state names, nothing lost or moved."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.traverse_util import ModelParamTraversal
from gin_registry import lent_registry
from jax.sharding import PartitionSpec
from tiny_t5 import INPUTS, TARGETS, config, flat, init_params, make_batch, make_model, one_device_partitioner

from t5x import optimizers
from t5x.adafactor import Adafactor, HParamMap
from t5x.ckpt.restore import restore
from t5x.ckpt.save import CheckpointSaver
from t5x.errors import UserError
from t5x.initialize import TrainStateInitializer
from t5x.shard.partitioner import PjitPartitioner
from t5x.train_state import FlaxOptimTrainState
from t5x.trainer import Trainer

WRAPPED = (
    "adabelief",
    "adagrad",
    "adam",
    "adamw",
    "fromage",
    "lamb",
    "lars",
    "lion",
    "noisy_sgd",
    "radam",
    "rmsprop",
    "sgd",
    "yogi",
)
ROWS = 8
TRAINERS_RATE = jnp.float32(77.0)  # which wrapped optimizers do not use


def halving(count):
    """A schedule of optax's kind."""
    return 0.25 * 0.5**count


def small_params():
    rng = np.random.default_rng(0)
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)  # noqa: E731
    return {"encoder": {"mlp": {"wi": draw(4, 3)}, "norm": draw(3)}, "embedding": draw(5, 4)}


def some_grads(step):
    rng = np.random.default_rng(step + 1)
    return jax.tree.map(lambda p: jnp.asarray(rng.normal(size=p.shape), jnp.float32), small_params())


def steps_of(definition, count=5):
    """Returns parameters and state after some steps."""
    params = small_params()
    state = definition.init_state(params)
    for step in range(count):
        params, state = definition.apply_gradient(params, state, some_grads(step), TRAINERS_RATE)
    return params, state


def assert_same(first, second):
    assert jax.tree.structure(first) == jax.tree.structure(second)
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def options_of(name):
    return {"key": 5} if name == "noisy_sgd" else {}  # optax warns that it will ask for one


# --- wrapped optimizers


@pytest.mark.parametrize("rate", [0.25, halving], ids=["constant", "schedule"])
@pytest.mark.parametrize("name", WRAPPED)
def test_five_steps_are_optaxs_own_whatever_the_trainers_rate(name, rate):
    params, state = steps_of(getattr(optimizers, name)(rate, **options_of(name)))
    own = getattr(optax, name)(rate, **options_of(name))
    expected = small_params()
    own_state = own.init(expected)
    for step in range(5):
        updates, own_state = own.update(some_grads(step), own_state, expected)
        expected = optax.apply_updates(expected, updates)
    assert_same(params, expected)
    assert int(state.step) == 5
    own_leaves = {leaf.shape for leaf in jax.tree.leaves(own_state)} - {()}
    assert {leaf.shape for leaf in jax.tree.leaves(state.param_states)} - {(), (2,)} == own_leaves - {(2,)}


@pytest.mark.parametrize("name", WRAPPED)
def test_the_rate_told_is_the_one_that_scales_the_next_update(name):
    # fromage multiplies the rate it is given by this, so that updates keep the norm of the parameters.
    factor = (lambda rate: (1 + rate**2) ** -0.5) if name == "fromage" else (lambda rate: 1.0)
    constant = getattr(optimizers, name)(0.3, **options_of(name))
    _, state = steps_of(constant, 2)
    np.testing.assert_allclose(constant.learning_rate(state, TRAINERS_RATE), 0.3 * factor(0.3), rtol=1e-6)
    scheduled = getattr(optimizers, name)(halving, **options_of(name))
    for count in (0, 2):
        _, state = steps_of(scheduled, count)
        rate = halving(count)
        np.testing.assert_allclose(scheduled.learning_rate(state, TRAINERS_RATE), rate * factor(rate), rtol=1e-6)


def test_the_rate_of_a_chain_is_found_behind_clipping_and_scales_multiply():
    clipped = optimizers.chain([optax.clip_by_global_norm(1.0), optax.adamw(halving)])
    _, state = steps_of(clipped, 3)
    np.testing.assert_allclose(clipped.learning_rate(state, TRAINERS_RATE), halving(3), rtol=1e-6)
    spelled_out = optimizers.chain([optax.scale_by_adam(), optax.scale_by_schedule(halving), optax.scale(-2.0)])
    _, state = steps_of(spelled_out, 1)
    np.testing.assert_allclose(spelled_out.learning_rate(state, TRAINERS_RATE), 2 * halving(1), rtol=1e-6)


def test_an_optimizer_of_several_rates_tells_none():
    labels = {"encoder": "slow", "embedding": "fast"}
    several = optimizers.OptaxWrapper(optax.multi_transform({"slow": optax.sgd(0.1), "fast": optax.sgd(1.0)}, labels))
    assert np.isnan(several.learning_rate(several.init_state(small_params()), TRAINERS_RATE))


def test_state_has_the_names_it_has_in_t5x_checkpoints():
    params = flat(small_params())

    def names(definition):
        return set(flat(definition.init_state(small_params()).param_states))

    assert names(optimizers.adamw(0.1)) == {"0/count"} | {
        f"0/{kind}/{name}" for kind in ("mu", "nu") for name in params
    }
    chained = names(optimizers.chain([optax.clip(1.0), optax.adamw(halving)]))
    assert chained == {"1/0/count", "1/2/count"} | {f"1/0/{kind}/{name}" for kind in ("mu", "nu") for name in params}
    assert names(optimizers.sgd(0.1)) == set()


def test_a_chain_of_wrapped_optimizers_is_that_of_optaxs_own():
    wrapped = optimizers.chain([optax.clip_by_global_norm(1.0), optimizers.adamw(0.1)])
    own = optimizers.chain([optax.clip_by_global_norm(1.0), optax.adamw(0.1)])
    assert_same(steps_of(wrapped), steps_of(own))


def test_a_mask_keeps_state_for_the_parameters_it_lets_through_only():
    definition = optimizers.OptaxWrapper(optax.masked(optax.adam(0.1), {"encoder": True, "embedding": False}))
    _, state = steps_of(definition)
    kept = {name for name in flat(state.param_states) if "/mu/" in name}
    assert kept == {"inner_state/0/mu/encoder/mlp/wi", "inner_state/0/mu/encoder/norm"}


def test_logical_axes_of_state_are_those_of_its_parameters():
    axes = {"encoder": {"mlp": {"wi": ("embed", "mlp")}, "norm": ("embed",)}, "embedding": ("vocab", "embed")}
    definition = optimizers.adamw(halving)
    derived = definition.derive_logical_axes(definition.create(small_params()), axes)
    assert derived.target == axes
    assert derived.state.param_states == {"0": {"count": (), "mu": axes, "nu": axes}, "2": {"count": ()}}
    # optax's Adafactor keeps row and column means under the names of parameters, in other shapes.
    factored = optimizers.OptaxWrapper(optax.adafactor(0.1, min_dim_size_to_factor=2))
    found = flat(factored.param_state_axes(small_params(), axes))
    assert found["0/v_row/embedding"] == (None,)
    assert found["0/v/encoder/norm"] == ("embed",)


def test_optimizer_pairs_parameters_with_state_and_comes_back_from_its_dict():
    definition = optimizers.adam(0.1)
    first = definition.create(small_params()).apply_gradient(some_grads(0), TRAINERS_RATE)
    again = definition.create(small_params()).restore_state(first.state_dict())
    assert set(first.state_dict()["state"]) == {"step", "param_states"}
    assert_same(
        first.apply_gradient(some_grads(1), TRAINERS_RATE).target,
        again.apply_gradient(some_grads(1), TRAINERS_RATE).target,
    )


# --- checkpoints


def saved(tmp_path, definition, count=3):
    params, state = steps_of(definition, count)
    train_state = FlaxOptimTrainState(state.step, params, state.param_states, definition)
    with CheckpointSaver(tmp_path) as saver:
        saver.save(count, train_state.state_dict())
    return tmp_path / f"checkpoint_{count}", train_state


def template_of(definition):
    fresh = jax.eval_shape(lambda: FlaxOptimTrainState.create(definition, small_params()))
    return fresh, fresh.state_dict()


ACROSS_A_SAVE = {
    "adamw": lambda: optimizers.adamw(halving),
    "chain": lambda: optimizers.chain([optax.clip_by_global_norm(1.0), optax.lion(0.1)]),
    "sgd": lambda: optimizers.sgd(0.1),
    "noisy_sgd": lambda: optimizers.noisy_sgd(0.1, key=5),
    "multi": lambda: optimizers.MultiOptimizer([(named("mlp"), Adafactor()), (named("norm"), optimizers.adam(0.1))]),
}


@pytest.mark.parametrize("kind", ACROSS_A_SAVE)
def test_steps_after_a_save_and_a_restore_are_those_without(kind, tmp_path):
    definition = ACROSS_A_SAVE[kind]()
    path, before = saved(tmp_path, definition)
    fresh, template = template_of(definition)
    after = fresh.restore_state(restore(path, template))
    assert_same(after.state_dict(), before.state_dict())
    rate = jnp.float32(0.01)
    assert_same(
        after.apply_gradient(some_grads(3), rate).state_dict(), before.apply_gradient(some_grads(3), rate).state_dict()
    )


def test_the_state_of_another_optimizer_is_not_used():
    _, state = steps_of(optimizers.adam(0.1))
    with pytest.raises(
        UserError, match=r"it lacks 3/trace/embedding, .* and has 0/count, 0/mu/embedding, .* that is not known here"
    ):
        optimizers.lars(0.1).apply_gradient(small_params(), state, some_grads(0), TRAINERS_RATE)


OTHERS = {
    "Adafactor": (Adafactor, r"an optax optimizer that keeps count, mu, nu, and this run's that of Adafactor\."),
    "lion": (lambda: optimizers.lion(0.1), r"keeps count, mu, nu, and this run's that of .* that keeps count, mu\."),
    "sgd": (
        lambda: optimizers.sgd(0.1),
        r"keeps count, mu, nu, and this run's that of .* nothing, such as plain SGD\.",
    ),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_checkpoint_of_another_optimizer_is_refused_and_both_are_named(other, tmp_path):
    path, _ = saved(tmp_path, optimizers.adamw(0.1), 1)
    definition, message = OTHERS[other]
    with pytest.raises(UserError, match=r"The checkpoint's optimizer state is that of .*" + message):
        restore(path, template_of(definition())[1])


# --- MultiOptimizer


def named(part):
    """A traversal of the parameters with `part` in their names."""
    return ModelParamTraversal(lambda name, _: part in name)


def test_parts_are_updated_by_their_optimizers_and_the_rest_stays():
    first = Adafactor(multiply_by_parameter_scale=HParamMap([("mlp", False), (".*", True)]))
    second = optimizers.adam(0.1)
    params, state = steps_of(optimizers.MultiOptimizer([(named("/mlp/"), first), (named("/norm"), second)]))
    start = small_params()
    mlp = {"encoder": {"mlp": start["encoder"]["mlp"]}}
    norm = {"encoder": {"norm": start["encoder"]["norm"]}}
    mlp_state, norm_state = first.init_state(mlp), second.init_state(norm)
    for step in range(5):
        grads = some_grads(step)["encoder"]
        mlp, mlp_state = first.apply_gradient(mlp, mlp_state, {"encoder": {"mlp": grads["mlp"]}}, TRAINERS_RATE)
        norm, norm_state = second.apply_gradient(norm, norm_state, {"encoder": {"norm": grads["norm"]}}, None)
    expected = {"encoder": {**mlp["encoder"], **norm["encoder"]}, "embedding": start["embedding"]}
    assert_same(params, expected)
    assert not np.array_equal(params["encoder"]["norm"], start["encoder"]["norm"])
    # T5X's layout: entries under the names of parameters, none for a parameter without an optimizer.
    assert set(state.param_states) == {"encoder", "optimizer_1"}
    assert set(state.param_states["encoder"]["mlp"]["wi"]) == {"v_row", "v_col", "v", "m"}
    assert set(flat(state.param_states["optimizer_1"])) == {"0/count", "0/mu/encoder/norm", "0/nu/encoder/norm"}


def test_the_rate_told_is_that_of_the_first_part():
    own, trainers = optimizers.adam(0.1), Adafactor()
    for pair, rate in (((own, trainers), 0.1), ((trainers, own), 77.0)):
        definition = optimizers.MultiOptimizer([(named("mlp"), pair[0]), (named("norm"), pair[1])])
        _, state = steps_of(definition, 1)
        np.testing.assert_allclose(definition.learning_rate(state, TRAINERS_RATE), rate, rtol=1e-6)


def test_a_parameter_in_two_parts_is_named():
    definition = optimizers.MultiOptimizer([(named("mlp"), Adafactor()), (named("encoder"), Adafactor())])
    with pytest.raises(UserError, match=r"/encoder/mlp/wi is selected by .*\[0\] and \[1\]"):
        definition.init_state(small_params())


def test_a_part_without_parameters_is_named_with_names_that_there_are():
    definition = optimizers.MultiOptimizer([(named("mlp"), Adafactor()), (named("prompt"), Adafactor())])
    with pytest.raises(UserError, match=r"optimizers\[1\] selects no parameter; .*/encoder/mlp/wi"):
        definition.init_state(small_params())


def test_what_is_no_pair_is_named():
    with pytest.raises(UserError, match=r"traversals_and_optimizers\[0\] is .*Adafactor.*; expected a pair"):
        optimizers.MultiOptimizer([Adafactor()])
    with pytest.raises(UserError, match="is empty"):
        optimizers.MultiOptimizer([])


# --- errors of the wrapped ones


def test_an_unknown_hyperparameter_is_named_with_the_nearest():
    with pytest.raises(
        UserError, match=r"optimizers\.adamw has no hyperparameter 'learnin_rate'; .* Did you mean 'learning_rate'"
    ):
        optimizers.adamw(learnin_rate=0.1)
    with pytest.raises(UserError, match=r"optimizers\.lion: missing a required argument: 'learning_rate'"):
        optimizers.lion()


def test_what_is_no_optax_optimizer_is_named():
    with pytest.raises(UserError, match=r"optax_optimizer is 0\.1, a float"):
        optimizers.OptaxWrapper(0.1)
    with pytest.raises(UserError, match=r"transformations\[1\] is 0\.1; expected"):
        optimizers.chain([optax.clip(1.0), 0.1])


@pytest.mark.parametrize("name", ["dpsgd", "amos"])
def test_an_optimizer_that_cannot_be_had_says_why(name):
    with pytest.raises(UserError, match=rf"optimizers\.{name} is not supported: it .* or .*"):
        getattr(optimizers, name)(learning_rate=0.1)


# --- gin

GIN = """
from __gin__ import dynamic_registration
import optax
from flax import traverse_util
from t5x import adafactor
from t5x import optimizers
from t5x import utils
import test_optimizers

OPTIMIZER = @optimizers.adamw()
optimizers.adamw.learning_rate = @utils.create_learning_rate_scheduler()
optimizers.adamw.weight_decay = 0.01
utils.create_learning_rate_scheduler.factors = 'constant * rsqrt_decay'
utils.create_learning_rate_scheduler.base_learning_rate = 2.0
utils.create_learning_rate_scheduler.warmup_steps = 4

CHAIN = @optimizers.chain()
optimizers.chain.transformations = [@optax.clip(), @optax.lion()]
optax.clip.max_delta = 1.0
optax.lion.learning_rate = 0.5

MULTI = @optimizers.MultiOptimizer()
optimizers.MultiOptimizer.traversals_and_optimizers = ((@traverse_util.ModelParamTraversal(), @adafactor.Adafactor()),)
traverse_util.ModelParamTraversal.filter_fn = @test_optimizers.is_norm
"""


def is_norm(name, _):
    return name.endswith("/norm")


def test_gin_makes_them_as_published_files_write_it():
    import gin

    with lent_registry():
        gin.parse_config(GIN)
        adamw, chained, multi = (
            gin.query_parameter(f"{name}/macro.value").scoped_configurable_fn()
            for name in ("OPTIMIZER", "CHAIN", "MULTI")
        )
    params, state = steps_of(adamw, 2)
    np.testing.assert_allclose(adamw.learning_rate(state, TRAINERS_RATE), 2.0 / 4**0.5, rtol=1e-6)
    _, state = steps_of(chained, 2)
    np.testing.assert_allclose(chained.learning_rate(state, TRAINERS_RATE), 0.5, rtol=1e-6)
    params, _ = steps_of(multi)
    changed = [name for name, value in flat(params).items() if not np.array_equal(value, flat(small_params())[name])]
    assert changed == ["encoder/norm"]


# --- on a mesh, through the trainer


@functools.cache
def model_and_params():
    model = make_model(config(num_heads=8, head_dim=4))
    return model, jax.device_get(init_params(model))


def trainer_on(partitioner, definition):
    model, params = model_and_params()
    model.optimizer_def = definition
    shapes = {
        "encoder_input_tokens": (ROWS, INPUTS),
        "decoder_input_tokens": (ROWS, TARGETS),
        "decoder_target_tokens": (ROWS, TARGETS),
    }
    initializer = TrainStateInitializer(model, shapes, partitioner)
    state = FlaxOptimTrainState.create(definition, jax.tree.map(jnp.asarray, params))
    state = jax.device_put(jax.device_get(state), initializer.shardings)
    axes = initializer.train_state_axes
    return Trainer(model, state, partitioner, [], None, axes, jax.random.key(0), lambda step: TRAINERS_RATE)


ON_A_MESH = {
    "adamw": lambda: optimizers.adamw(lambda count: 0.01 / (count + 1)),
    "multi": lambda: optimizers.MultiOptimizer([(named("/mlp/"), optimizers.adamw(0.01))]),
}


@pytest.mark.skipif(len(jax.devices()) != 8, reason="needs eight (virtual) devices")
@pytest.mark.parametrize("kind", ON_A_MESH)
def test_on_eight_devices_the_steps_are_those_of_one(kind):
    results = []
    for partitioner in (one_device_partitioner(), PjitPartitioner(4)):
        trainer = trainer_on(partitioner, ON_A_MESH[kind]())
        values = trainer.train((make_batch(ROWS, seed=i) for i in range(3)), 3)
        results.append((values, jax.device_get(trainer.train_state.params)))
    moments = trainer.train_state.param_states
    mu = (moments if kind == "adamw" else moments["optimizer_0"])["0"]["mu"]
    wi = mu["encoder"]["layers_0"]["mlp"]["wi_0"]["kernel"]
    assert wi.sharding.spec == PartitionSpec(None, "model")
    assert wi.addressable_shards[0].data.shape == (wi.shape[0], wi.shape[1] // 4)
    (one, one_params), (eight, eight_params) = results
    np.testing.assert_allclose(eight["loss"], one["loss"], rtol=1e-5)
    for a, b in zip(jax.tree.leaves(one_params), jax.tree.leaves(eight_params), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-3)  # Adam turns rounding of gradients near 0 into signs
    changed = [
        name
        for name, value in flat(eight_params).items()
        if not np.array_equal(value, flat(model_and_params()[1])[name])
    ]
    assert changed == [name for name in flat(eight_params) if kind == "adamw" or "/mlp/" in name]
    mean, last = (0.01 * (1 + 1 / 2 + 1 / 3) / 3, 0.01 / 4) if kind == "adamw" else (0.01, 0.01)
    np.testing.assert_allclose([eight["learning_rate"], eight["learning_rate/current"]], [mean, last], rtol=1e-5)
