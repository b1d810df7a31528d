"""Training from Python, without gin: the README's snippet."""

from __future__ import annotations

SNIPPET = """
from functools import partial
from t5x import adafactor, models, partitioning, train, trainer, utils
from t5x.examples.t5 import network
import toy_tasks

config = network.T5Config(vocab_size=384, emb_dim=16, num_heads=2, head_dim=8, mlp_dim=32)
vocabulary, optimizer = toy_tasks.VOCABULARY, adafactor.Adafactor(decay_rate=0.8, step_offset=0)
learning_rate = utils.create_learning_rate_scheduler("constant", base_learning_rate=1e-3)
step, state = train.train(
    model=models.EncoderDecoderModel(network.Transformer(config), vocabulary, vocabulary, optimizer),
    train_dataset_cfg=utils.DatasetConfig(
        "toy_mixture", {"inputs": 32, "targets": 32}, "train", batch_size=8, shuffle=True, seed=0, pack=True),
    train_eval_dataset_cfg=None, infer_eval_dataset_cfg=None, eval_steps=0, eval_period=0,
    checkpoint_cfg=utils.CheckpointConfig(save=utils.SaveCheckpointConfig(period=2)),
    partitioner=partitioning.PjitPartitioner(num_partitions=1),
    trainer_cls=partial(trainer.Trainer, learning_rate_fn=learning_rate),
    model_dir="run", total_steps=4, random_seed=0)
"""


def test_train_works_from_python_without_gin(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    exec(SNIPPET, found)
    assert found["step"] == int(found["state"].step) == 4
    assert {path.name for path in (tmp_path / "run").glob("checkpoint_*")} == {
        "checkpoint_0",
        "checkpoint_2",
        "checkpoint_4",
    }
