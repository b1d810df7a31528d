"""A program small enough to configure in a test: what train() is to the real one, without data or accelerator."""

from __future__ import annotations

import dataclasses
import pathlib
import sys
from collections.abc import Callable
from typing import Any

from t5x.errors import UserError


@dataclasses.dataclass
class DatasetConfig:
    """Stands for a dataset's configuration."""

    split: str
    seed: int | None = None
    batch_size: int = 4


class Model:
    """A model with a method that gin configures."""

    def __init__(self, network: Any = None, z_loss: float = 0.0):
        self.network, self.z_loss = network, z_loss

    def predict(self, num_decodes: int = 1) -> int:
        """Returns how many outputs it would decode."""
        return num_decodes


def make_network(width: int = 8) -> int:
    """Returns the width."""
    return width


class Evaluator:
    """Handed over as a class and built later."""

    def __init__(self, num_examples: int | None = None):
        self.num_examples = num_examples


def train(
    *,
    model: Model,
    model_dir: str,
    train_cfg: DatasetConfig,
    eval_cfg: DatasetConfig | None = None,
    evaluator_cls: Callable[..., Any] = Evaluator,
    summarize_config_fn: Callable[..., Any] | None = None,
    steps: int = 1,
) -> None:
    """Prints what it was given, or fails the way a user's mistake, an interrupt or a defect would."""
    if train_cfg.split == "absent":
        raise UserError("There is no split 'absent'.\nIt was expected to be 'train'.")
    if train_cfg.split == "late":
        from gin import REQUIRED

        evaluator_cls(num_examples=REQUIRED)
    if train_cfg.split == "interrupt":
        raise KeyboardInterrupt
    if train_cfg.split == "defect":
        raise ZeroDivisionError("a defect of the program")
    pathlib.Path(model_dir).mkdir(parents=True, exist_ok=True)
    if summarize_config_fn is not None:
        summarize_config_fn(model_dir, None, 0)
    print("decodes", model.predict(), "width", model.network, "examples", evaluator_cls().num_examples)
    if hasattr(sys.modules.get("tensorflow"), "__version__"):
        print("gpus visible to tensorflow:", sys.modules["tensorflow"].config.get_visible_devices("GPU"))
