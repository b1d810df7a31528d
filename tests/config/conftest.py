"""A gin config that each test starts and leaves empty, and the toy program's config as a file."""

from __future__ import annotations

import sys

import pytest
import toy_program
from gin_registry import lent_registry

TOY_GIN = """
from __gin__ import dynamic_registration
import __main__ as train_script
import toy_program

MODEL_DIR = %gin.REQUIRED  # folder of the run
STEPS = %gin.REQUIRED
WIDTH = 8
MODEL = @toy_program.Model()

train_script.train:
  model = %MODEL
  model_dir = %MODEL_DIR
  train_cfg = @train/toy_program.DatasetConfig()
  eval_cfg = @eval/toy_program.DatasetConfig()
  evaluator_cls = @toy_program.Evaluator
  steps = %STEPS

toy_program.Model.network = @toy_program.make_network()
toy_program.make_network.width = %WIDTH
toy_program.DatasetConfig.batch_size = 2
train/toy_program.DatasetConfig.split = 'train'
eval/toy_program.DatasetConfig.split = 'validation'
toy_program.Evaluator.num_examples = 3
"""


@pytest.fixture
def clean_gin(monkeypatch):
    """Nothing is configured, before and after; `train` is on `__main__`, where gin files look for it."""
    monkeypatch.setattr(sys.modules["__main__"], "train", toy_program.train, raising=False)
    monkeypatch.delattr(sys.modules["__main__"], "evaluate", raising=False)  # left by a command that ran before
    with lent_registry():
        yield


@pytest.fixture
def toy_gin(tmp_path):
    """A config of the toy program that leaves MODEL_DIR and STEPS open."""
    file = tmp_path / "toy.gin"
    file.write_text(TOY_GIN)
    return str(file)
