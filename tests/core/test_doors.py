"""T5X's module names are doors: each name in them is the very object of a room, with T5X's parameters.

Gin binds by object and by parameter name. A wrapper in a door would lose, in silence, what was bound on the room's
name; another parameter name or default would change what published gin files mean. The golden file holds the
signatures of the names gin files bind. After a change made on purpose:  python tests/core/test_doors.py
"""

from __future__ import annotations

import importlib
import inspect
import json
import pathlib

import pytest

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden" / "signatures.json"

# Names that published gin files, prompt-tuning, flaxformer and airio take from T5X: door -> {name: room}.
PROMISED = {
    "t5x.utils": {
        "CheckpointConfig": "t5x.ckpt.config",
        "DatasetConfig": "t5x.data.dataset_config",
        "RestoreCheckpointConfig": "t5x.ckpt.config",
        "SaveCheckpointConfig": "t5x.ckpt.config",
        "TrainStateInitializer": "t5x.initialize",
        "create_learning_rate_scheduler": "t5x.optim.learning_rate",
        "get_dataset": "t5x.data.dataset",
        "get_training_eval_datasets": "t5x.data.dataset",
        "get_vocabulary": "t5x.data.vocabulary",
        "verify_matching_vocabs": "t5x.data.vocabulary",
    },
    "t5x.models": {
        "BaseModel": "t5x.model.interface",
        "BaseTransformerModel": "t5x.model.interface",
        "DecodeFnCallable": "t5x.model.interface",
        "DecoderOnlyModel": "t5x.model.decoder_only",
        "DecoderParams": "t5x.model.encoder_decoder",
        "EncoderDecoderModel": "t5x.model.encoder_decoder",
        "MetricsMap": "t5x.metrics",
        "PyTree": "t5x.model.interface",
        "get_input_vocabulary": "t5x.model.interface",
        "get_output_vocabulary": "t5x.model.interface",
        "remove_prefix": "t5x.model.decoder_only",
    },
    "t5x.partitioning": {
        "LogicalAxisRules": "t5x.shard.axis_rules",
        "PartitionSpec": "jax.sharding",
        "PjitPartitioner": "t5x.shard.partitioner",
        "standard_logical_axis_rules": "t5x.shard.axis_rules",
    },
    "t5x.optimizers": {"OptimizerDefType": "t5x.optim.optimizer_def", "OptimizerState": "t5x.optim.optimizer_def"},
    "t5x.decoding": {
        "DecodingState": "t5x.decode.state",
        "beam_search": "t5x.decode.beam_search",
        "temperature_sample": "t5x.decode.sampling",
    },
    "t5x.checkpoints": {"latest_step": "t5x.ckpt.discovery"},
    "t5x.gin_utils": {
        "parse_gin_flags": "t5x.config.parse",
        "run": "t5x.config.absl_script",
        "summarize_gin_config": "t5x.config.operative_config",
    },
    # These paths are T5X's and rooms at once.
    "t5x.adafactor": dict.fromkeys(
        ("Adafactor", "FactorDim", "HParamMap", "standard_logical_factor_rules"), "t5x.adafactor"
    ),
    "t5x.examples.decoder_only.network": dict.fromkeys(
        ("DecoderWrapper", "TransformerConfig"), "t5x.examples.decoder_only.network"
    ),
    "t5x.examples.t5.network": dict.fromkeys(("T5Config", "Transformer"), "t5x.examples.t5.network"),
    "t5x.losses": dict.fromkeys(
        (
            "compute_weighted_cross_entropy",
            "cross_entropy_with_logits",
            "get_loss_normalizing_factor_and_weights",
        ),
        "t5x.losses",
    ),
    "t5x.metrics": {"AveragePerStep": "t5x.metrics"},
    "t5x.train_state": dict.fromkeys(("FlaxOptimTrainState", "TrainState"), "t5x.train_state"),
    "t5x.trainer": {"Trainer": "t5x.trainer"},
    "t5x.train": {"train": "t5x.train"},
    "t5x.eval": {"evaluate": "t5x.eval"},
    "t5x.infer": {"infer": "t5x.infer", "write_inferences_to_file": "t5x.data.inference_output"},
}

GIN_BOUND = (
    "t5x.adafactor.Adafactor",
    "t5x.adafactor.HParamMap",
    "t5x.adafactor.standard_logical_factor_rules",
    "t5x.decoding.beam_search",
    "t5x.decoding.temperature_sample",
    "t5x.eval.evaluate",
    "t5x.examples.decoder_only.network.DecoderWrapper",
    "t5x.examples.decoder_only.network.TransformerConfig",
    "t5x.examples.t5.network.T5Config",
    "t5x.examples.t5.network.Transformer",
    "t5x.gin_utils.summarize_gin_config",
    "t5x.infer.infer",
    "t5x.infer.write_inferences_to_file",
    "t5x.models.DecoderOnlyModel",
    "t5x.models.DecoderOnlyModel.predict_batch_with_aux",
    "t5x.models.DecoderParams",
    "t5x.models.EncoderDecoderModel",
    "t5x.models.EncoderDecoderModel.predict_batch_with_aux",
    "t5x.partitioning.PjitPartitioner",
    "t5x.partitioning.standard_logical_axis_rules",
    "t5x.train.train",
    "t5x.trainer.Trainer",
    "t5x.utils.CheckpointConfig",
    "t5x.utils.DatasetConfig",
    "t5x.utils.RestoreCheckpointConfig",
    "t5x.utils.SaveCheckpointConfig",
    "t5x.utils.create_learning_rate_scheduler",
)
FLAX_FIELDS = ("parent", "name")  # that every flax module has


def resolve(path: str):
    """Returns the object called `module.name` or `module.Class.method`."""
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            found = getattr(found, name)
        return found
    raise AssertionError(path)


def signature_of(path: str) -> str:
    parameters = inspect.signature(resolve(path)).parameters.values()
    return ", ".join(
        name.name if name.default is name.empty else f"{name.name}={_default(name.default)}"
        for name in parameters
        if name.name != "self" and name.name not in FLAX_FIELDS
    )


def _default(value) -> str:
    if inspect.isclass(value) or inspect.isfunction(value):
        return value.__name__
    return "<factory>" if "factory" in repr(value) else repr(value)


@pytest.mark.parametrize(
    ("door", "name", "room"), [(door, name, room) for door, names in PROMISED.items() for name, room in names.items()]
)
def test_a_name_behind_a_door_is_the_object_of_its_room(door, name, room):
    assert getattr(importlib.import_module(door), name) is getattr(importlib.import_module(room), name)


@pytest.mark.parametrize("path", GIN_BOUND)
def test_what_gin_binds_keeps_its_parameters_and_defaults(path):
    expected = json.loads(GOLDEN.read_text())[path]
    assert signature_of(path) == expected, "published gin files bind these; if that is meant, see this file's docstring"


def test_every_pinned_signature_is_looked_at():
    assert set(json.loads(GOLDEN.read_text())) == set(GIN_BOUND)


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({path: signature_of(path) for path in GIN_BOUND}, indent=1) + "\n")
