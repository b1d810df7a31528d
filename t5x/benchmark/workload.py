"""What is measured: the real training step, evaluation step and decoding of a network, on made-up tokens.

Enters: a network and the shape of a batch. Leaves: callables that run one piece of work to its end.
The training step is the trainer's own: gradients, Adafactor, donated state, over the partitioner's mesh.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import jax
import numpy as np

import gin
from t5x.adafactor import Adafactor, standard_logical_factor_rules
from t5x.config.reachability import selector_of
from t5x.decode.beam_search import beam_search
from t5x.decode.sampling import temperature_sample
from t5x.errors import UserError
from t5x.examples.t5 import network
from t5x.initialize import TrainStateInitializer
from t5x.microbatch import check_microbatches
from t5x.model.encoder_decoder import EncoderDecoderModel
from t5x.shard.partitioner import PjitPartitioner
from t5x.trainer import Trainer

# As published gin files for finetuning have it.
LEARNING_RATE = 1e-3
Z_LOSS = 1e-4
SEED = 0


@dataclasses.dataclass(frozen=True)
class Shape:
    """The shape of a batch; `padding_fraction` of each row, at its end, is padding."""

    batch_size: int
    input_length: int
    target_length: int
    padding_fraction: float = 0.0

    def real(self, length: int) -> int:
        """Returns how many of a row's `length` positions hold a token."""
        return max(1, round(length * (1.0 - self.padding_fraction)))

    @property
    def real_tokens(self) -> int:
        """Tokens of a batch that are no padding, inputs and targets together."""
        return self.batch_size * (self.real(self.input_length) + self.real(self.target_length))


class _NeverEnds:
    """A vocabulary whose end token no step can draw, so that decoding always runs its full length."""

    eos_id = -1


def network_from_gin() -> network.Transformer:
    """Returns the network that the parsed gin config describes.

    Raises:
      UserError: the config has no network.
    """
    if selector_of(network.Transformer) is None:
        raise UserError(
            "the gin files describe no t5x.examples.t5.network.Transformer, which the benchmark times; give a file of "
            "gin/networks, e.g. --gin_file=gin/networks/benchmark_reference.gin."
        )
    return gin.get_configurable(network.Transformer)()


def made_up_batch(shape: Shape, vocab_size: int) -> dict[str, np.ndarray]:
    """Returns an unpacked batch of random tokens `[B, L]`, the same on every call."""
    rng = np.random.default_rng(SEED)

    def tokens(length: int) -> np.ndarray:
        ids = rng.integers(2, vocab_size, (shape.batch_size, length), dtype=np.int32)  # 0 is padding, 1 ends
        return np.where(np.arange(length) < shape.real(length), ids, 0).astype(np.int32)

    targets = tokens(shape.target_length)
    return {
        "encoder_input_tokens": tokens(shape.input_length),
        "decoder_target_tokens": targets,
        "decoder_input_tokens": np.pad(targets[:, :-1], ((0, 0), (1, 0))),
        "decoder_loss_weights": (targets > 0).astype(np.int32),
    }


class Workload:
    """A trainer with everything it needs, and the pieces of work to time; each call returns when it is done."""

    def __init__(self, module: network.Transformer, shape: Shape, microbatches: int = 1, num_partitions: int = 1):
        """Draws parameters; the first call of each piece compiles it.

        Raises:
          UserError: a batch that the mesh or the microbatches do not divide.
        """
        self.config, self.shape = module.config, shape
        optimizer = Adafactor(decay_rate=0.8, step_offset=0, logical_factor_rules=standard_logical_factor_rules())
        self._model = EncoderDecoderModel(module, None, _NeverEnds(), optimizer, z_loss=Z_LOSS)
        self._partitioner = PjitPartitioner(num_partitions=num_partitions)
        check_microbatches(shape.batch_size, microbatches, self._partitioner.data_shards)
        self._batch = made_up_batch(shape, self.config.vocab_size)
        shapes = {name: rows.shape for name, rows in self._batch.items()}
        types = {name: rows.dtype for name, rows in self._batch.items()}
        initializer = TrainStateInitializer(self._model, shapes, self._partitioner, types)
        init_rng, dropout_rng = jax.random.split(jax.random.key(SEED))
        self.trainer = Trainer(
            self._model,
            initializer.from_scratch(init_rng),
            self._partitioner,
            [],
            None,
            initializer.train_state_axes,
            dropout_rng,
            lambda step: jax.numpy.float32(LEARNING_RATE),
            microbatches,
        )
        costs = self.trainer.compile_train(shapes, types).cost_analysis()
        self.counted_flops: float | None = (costs or {}).get("flops")  # by XLA, where its backend counts
        self._device_batch = self._partitioner.global_batch(self._batch)
        self._greedy = self._decoder(temperature_sample, topk=1)
        self._beam = self._decoder(beam_search)

    def train(self, steps: int) -> None:
        """Runs training steps."""
        self.trainer.train(itertools.repeat(self._batch), steps)

    def evaluate(self, steps: int) -> None:
        """Runs evaluation steps."""
        self.trainer.eval({"made-up tokens": itertools.repeat(self._batch, steps)})

    def sample_greedily(self, times: int) -> None:
        """Decodes batches with `temperature_sample`, `topk=1`."""
        self._decode(self._greedy, times)

    def search_one_beam(self, times: int) -> None:
        """Decodes batches with `beam_search` of one beam."""
        self._decode(self._beam, times)

    def _decoder(self, decode_fn, **decoder_params):
        model = EncoderDecoderModel(
            self._model.module, None, self._model.output_vocabulary, self._model.optimizer_def, decode_fn
        )

        def decode(params: Any, batch: dict[str, jax.Array]) -> jax.Array:
            return model.predict_batch_with_aux(params, batch, decoder_params=decoder_params)[0]

        return self._partitioner.partition(decode)

    def _decode(self, function, times: int) -> None:
        for _ in range(times):
            function(self.trainer.train_state.params, self._device_batch).block_until_ready()
