"""Twenty training steps from fixed parameters on fixed batches give the losses and parameters that T5X's gave."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util
from tiny_t5 import config, device, flat, fresh_state, make_model

from t5x.optim.learning_rate import create_learning_rate_scheduler
from t5x.train_step import train_step

CONFIG = config(vocab_size=512, emb_dim=32, num_heads=4, num_encoder_layers=2, num_decoder_layers=2, mlp_dim=64)
MODELS = {
    "plain": {"z_loss": 1e-4},
    "packed": {"z_loss": 1e-4},
    "smooth": {"z_loss": 1e-3, "label_smoothing": 0.1, "loss_normalizing_factor": "NUM_REAL_TARGET_TOKENS"},
}


@pytest.mark.parametrize("variant", MODELS)
def test_twenty_steps_take_the_way_t5x_took(shared, variant):
    folder = shared / "golden" / "trajectories"
    expected = json.loads((folder / f"trajectory_{variant}.json").read_text())
    with np.load(folder / "params.npz") as arrays:
        params = traverse_util.unflatten_dict({k: jnp.asarray(arrays[k]) for k in arrays.files}, sep="/")
    model = make_model(CONFIG, **MODELS[variant])
    schedule = create_learning_rate_scheduler("constant * linear_warmup", base_learning_rate=0.02, warmup_steps=5)
    step = jax.jit(lambda state, batch: train_step(model, state, batch, jax.random.key(0), schedule))
    state, losses = fresh_state(model, params), []
    with np.load(folder / f"batches_{variant}.npz") as arrays:
        for i in range(20):
            prefix = f"{i:02}/"
            batch = {name.removeprefix(prefix): arrays[name] for name in arrays.files if name.startswith(prefix)}
            state, metrics = step(state, device(batch))
            losses.append(float(metrics["loss"].total))
    # T5X and this code agree to about 2e-7; 1e-5 leaves room for other processors.
    np.testing.assert_allclose(losses, expected["loss_before_step"], rtol=1e-5)
    norms = {name: float(jnp.linalg.norm(value)) for name, value in flat(state.params).items()}
    assert norms.keys() == expected["final_param_l2"].keys()
    for name, norm in norms.items():
        np.testing.assert_allclose(norm, expected["final_param_l2"][name], rtol=1e-4, err_msg=name)
