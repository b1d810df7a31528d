"""optax's optimizers under T5X's names: same parameters, wrapped for T5X's models.

In gin: `OPTIMIZER = @optimizers.adamw()` with `optimizers.adamw.learning_rate = 1e-4`. Source: T5X `optimizers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optax

from t5x.errors import UserError
from t5x.optim.optax_wrapper import OptaxWrapper, wrap_optax_optimizer


def chain(transformations: Sequence[optax.GradientTransformation | OptaxWrapper]) -> OptaxWrapper:
    """Returns an optimizer that applies these one after the other; a list, unlike in optax, so that gin can write it.

    Raises:
      UserError: an element is no optax transformation.
    """
    unwrapped = [t.optax_optimizer if isinstance(t, OptaxWrapper) else t for t in transformations]
    for i, transformation in enumerate(unwrapped):
        if not isinstance(transformation, optax.GradientTransformation):
            raise UserError(
                f"optimizers.chain.transformations[{i}] is {transformation!r}; expected an optax transformation such "
                "as @optax.clip_by_global_norm() or @optax.adamw()."
            )
    if not unwrapped:
        raise UserError("optimizers.chain.transformations is empty; give at least one optax transformation.")
    return OptaxWrapper(optax.chain(*unwrapped))


adabelief = wrap_optax_optimizer(optax.adabelief)
adagrad = wrap_optax_optimizer(optax.adagrad)
adam = wrap_optax_optimizer(optax.adam)
adamw = wrap_optax_optimizer(optax.adamw)
fromage = wrap_optax_optimizer(optax.fromage)
lars = wrap_optax_optimizer(optax.lars)
lamb = wrap_optax_optimizer(optax.lamb)
lion = wrap_optax_optimizer(optax.lion)
noisy_sgd = wrap_optax_optimizer(optax.noisy_sgd)
radam = wrap_optax_optimizer(optax.radam)
rmsprop = wrap_optax_optimizer(optax.rmsprop)
sgd = wrap_optax_optimizer(optax.sgd)
yogi = wrap_optax_optimizer(optax.yogi)


def dpsgd(*args: Any, **kwargs: Any) -> OptaxWrapper:
    """Raises UserError: a training step has the gradient of a batch, and this optimizer needs one per example."""
    del args, kwargs
    raise UserError(
        "optimizers.dpsgd is not supported: it clips the gradient of every example by itself, and a training step has "
        "only that of the whole batch. Use optimizers.noisy_sgd for noise without the clipping, or another optimizer."
    )


def amos(*args: Any, **kwargs: Any) -> OptaxWrapper:
    """Raises UserError: T5X takes this optimizer from a package that is not published."""
    del args, kwargs
    raise UserError(
        "optimizers.amos is not supported: it comes from the package jestimator, which is in no package index. With "
        "that package installed, optimizers.chain.transformations = [@amos.amos()] uses it; or use optimizers.adamw."
    )
