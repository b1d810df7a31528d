"""Training from Python, without gin: the README's snippet."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

SNIPPET = """
import functools, toy_tasks
from t5x import adafactor, models, partitioning, train, trainer, utils
from t5x.examples.t5 import network

config = network.T5Config(vocab_size=384, emb_dim=16, num_heads=2, num_encoder_layers=1, num_decoder_layers=1, head_dim=8, mlp_dim=32)
vocabulary = toy_tasks.VOCABULARY
model = models.EncoderDecoderModel(network.Transformer(config), vocabulary, vocabulary, adafactor.Adafactor(decay_rate=0.8, step_offset=0))
data = utils.DatasetConfig("toy_mixture", {"inputs": 32, "targets": 32}, "train", batch_size=8, shuffle=True, seed=0, pack=True)
schedule = utils.create_learning_rate_scheduler("constant", base_learning_rate=1e-3)
step, state = train.train(
    model=model, train_dataset_cfg=data, train_eval_dataset_cfg=None, infer_eval_dataset_cfg=None,
    checkpoint_cfg=utils.CheckpointConfig(save=utils.SaveCheckpointConfig(period=2)),
    partitioner=partitioning.PjitPartitioner(num_partitions=1), trainer_cls=functools.partial(trainer.Trainer, learning_rate_fn=schedule),
    model_dir="run", total_steps=4, eval_steps=1, eval_period=0, random_seed=0)
"""


def test_train_works_from_python_without_gin(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parent.parent), str(HERE)]), "XLA_FLAGS": ""}
    program = SNIPPET + "assert step == int(state.step) == 4\n"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert {path.name for path in (tmp_path / "run").glob("checkpoint_*")} == {
        "checkpoint_0",
        "checkpoint_2",
        "checkpoint_4",
    }
