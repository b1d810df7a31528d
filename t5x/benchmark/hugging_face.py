"""Hugging Face's T5 on torch, of the same shape and doing the same work, to compare with.

Enters: T5Config and the shape of a batch. Leaves: callables like those of `workload.Workload`.
Same work: same tokens, dropout, z-loss aside the same loss, all gradients, one step of its Adafactor; greedy decoding
of as many tokens. torch and transformers are no dependencies of this package; they are imported when asked for.
Effects: imports torch; weights are drawn, nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from t5x.benchmark.workload import LEARNING_RATE, SEED, Shape, made_up_batch
from t5x.errors import UserError
from t5x.examples.t5.network import T5Config

_FEED_FORWARD = {("relu",): "relu", ("gelu", "linear"): "gated-gelu", ("silu", "linear"): "gated-silu"}
_IGNORED = -100  # the label that torch's cross entropy leaves out


def check_available() -> None:
    """Raises UserError where torch or transformers is missing."""
    missing = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"--compare_hf needs {' and '.join(missing)}, which this Python does not have; install torch and "
            "transformers beside t5x, or leave the flag out."
        )


def hugging_face_steps(config: T5Config, shape: Shape) -> dict[str, Callable[[int], None]]:
    """Returns `hf train step` and `hf greedy decoding`, on torch's GPU where it has one.

    Raises:
      UserError: transformers is missing, or its T5 lacks this kind of MLP.
    """
    check_available()
    import torch
    from transformers.optimization import Adafactor

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(SEED)
    model = _model(config).to(device)
    # Constant rate and no relative step, as here; the rest are its defaults, which are Adafactor's.
    optimizer = Adafactor(model.parameters(), lr=LEARNING_RATE, relative_step=False, warmup_init=False)
    batch = {
        name: torch.as_tensor(rows, device=device).long()
        for name, rows in made_up_batch(shape, config.vocab_size).items()
    }
    inputs, targets = batch["encoder_input_tokens"], batch["decoder_target_tokens"]
    seen = (inputs > 0).long()
    labels = torch.where(targets > 0, targets, torch.full_like(targets, _IGNORED))
    half = _is_bfloat16(config)

    def finish() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    def train(steps: int) -> None:
        model.train()
        for _ in range(steps):
            with torch.autocast(device, torch.bfloat16, enabled=half):
                loss = model(input_ids=inputs, attention_mask=seen, labels=labels).loss
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        finish()

    def decode(times: int) -> None:
        model.eval()
        with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=half):
            for _ in range(times):
                model.generate(
                    input_ids=inputs,
                    attention_mask=seen,
                    max_new_tokens=shape.target_length,
                    min_new_tokens=shape.target_length,
                    do_sample=False,
                )
        finish()

    return {"hf train step": train, "hf greedy decoding": decode}


def _is_bfloat16(config: T5Config) -> bool:
    return getattr(config.dtype, "__name__", str(config.dtype)) == "bfloat16"


def _model(config: T5Config):
    from transformers import T5Config as TheirConfig
    from transformers import T5ForConditionalGeneration

    activations = tuple(config.mlp_activations)
    if activations not in _FEED_FORWARD:
        known = ", ".join(map(str, _FEED_FORWARD))
        raise UserError(
            f"Hugging Face's T5 has no MLP with activations {activations}, only {known}; leave --compare_hf out."
        )
    return T5ForConditionalGeneration(
        TheirConfig(
            vocab_size=config.vocab_size,
            d_model=config.emb_dim,
            d_kv=config.head_dim,
            d_ff=config.mlp_dim,
            num_layers=config.num_encoder_layers,
            num_decoder_layers=config.num_decoder_layers,
            num_heads=config.num_heads,
            dropout_rate=config.dropout_rate,
            feed_forward_proj=_FEED_FORWARD[activations],
            tie_word_embeddings=config.logits_via_embedding,
            decoder_start_token_id=0,
            pad_token_id=0,
            eos_token_id=1,
        )
    )
