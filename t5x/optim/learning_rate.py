"""Learning-rate schedules as products of named factors.

Source: T5X `utils.create_learning_rate_scheduler`; values agree with it to float32.
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from t5x.errors import UserError, nearest

LearningRateCallable = Callable[[Int[Array, ""]], Float[Array, ""]]

FACTORS = (
    "constant",
    "linear_warmup",
    "linear_decay",
    "rsqrt_decay",
    "rsqrt_normalized_decay",
    "decay_every",
    "cosine_decay",
)


def create_learning_rate_scheduler(
    factors: str = "constant * linear_warmup * rsqrt_decay",
    base_learning_rate: float = 0.5,
    warmup_steps: int = 1000,
    decay_factor: float = 0.5,
    steps_per_decay: int = 20000,
    steps_per_cycle: int = 100000,
    step_offset: int = 0,
    min_learning_rate: float = 1e-8,
) -> LearningRateCallable:
    """Returns a function from step (0 at the first update) to learning rate.

    Args:
      factors: names joined by `*`, multiplied in order:
        constant — `base_learning_rate`;
        linear_warmup — `min(1, step / warmup_steps)`;
        linear_decay — `base * min(step / warmup, 1 + decay_factor * (warmup - step))`, a warmup and a constant too;
        rsqrt_decay — `1 / sqrt(max(step, warmup_steps))`;
        rsqrt_normalized_decay — the same times `sqrt(warmup_steps)`;
        decay_every — `decay_factor ** (step // steps_per_decay)`;
        cosine_decay — half a cosine per `steps_per_cycle`, from the end of the warmup.
      base_learning_rate: see `constant`.
      warmup_steps: in steps, as all that follow.
      decay_factor: see `linear_decay` and `decay_every`.
      steps_per_decay: see `decay_every`.
      steps_per_cycle: see `cosine_decay`.
      step_offset: subtracted from the step, for finetuning from a pretrained step.
      min_learning_rate: the result is never smaller.

    Raises:
      UserError: a factor of another name.
    """
    names = [name.strip() for name in factors.split("*")]
    for name in names:
        if name not in FACTORS:
            raise UserError(
                f"learning-rate factor {name!r} in {factors!r} is not known; the factors are {', '.join(FACTORS)}."
                f"{nearest(name, FACTORS)}"
            )

    def factor(name: str, rate, step):
        if name == "constant":
            return rate * base_learning_rate
        if name == "linear_warmup":
            return rate * jnp.minimum(1.0, step / warmup_steps)
        if name == "linear_decay":
            return (
                rate * base_learning_rate * jnp.minimum(step / warmup_steps, 1.0 + decay_factor * (warmup_steps - step))
            )
        if name == "rsqrt_decay":
            return rate / jnp.sqrt(jnp.maximum(step, warmup_steps))
        if name == "rsqrt_normalized_decay":
            return rate * jnp.sqrt(warmup_steps) / jnp.sqrt(jnp.maximum(step, warmup_steps))
        if name == "decay_every":
            return rate * decay_factor ** (step // steps_per_decay)
        progress = jnp.maximum(0.0, (step - warmup_steps) / float(steps_per_cycle))
        return rate * jnp.maximum(0.0, 0.5 * (1.0 + jnp.cos(jnp.pi * (progress % 1.0))))

    def learning_rate_fn(step: Int[Array, ""]) -> Float[Array, ""]:
        step = jnp.maximum(0, step - step_offset)
        rate = 1.0
        for name in names:
            rate = factor(name, rate, step)
        return jnp.asarray(jnp.maximum(rate, min_learning_rate), jnp.float32)

    return learning_rate_fn
