"""The tables that the benchmark prints, as text."""

from __future__ import annotations

import jax

from t5x.benchmark.flops import forward_flops, training_flops
from t5x.benchmark.measure import Timing
from t5x.benchmark.memory import LossMemory
from t5x.benchmark.peak import Peak, known_peak, measured_peak
from t5x.benchmark.workload import Shape, Workload
from t5x.examples.t5.network import T5Config
from t5x.train_state import parameter_count

_HEADINGS = ("", "ms, least", "ms, median", "tokens/s", "GFLOP", "GFLOP/s", "of peak")
_HF = "hf "


def speed_table(workload: Workload, timings: dict[str, Timing]) -> str:
    """Returns the whole report. Rates are those of the median; tokens are counted without padding."""
    config, shape = workload.config, workload.shape
    sizes = (config, shape.batch_size, shape.input_length, shape.target_length)
    training, forward = training_flops(*sizes), forward_flops(*sizes)
    decoded = shape.batch_size * shape.target_length
    work = {  # piece of work -> its tokens and model FLOPs
        "train step": (shape.real_tokens, training),
        "eval step": (shape.real_tokens, forward),
        "greedy decoding": (decoded, forward),
        "beam search, 1 beam": (decoded, forward),
    }
    peak = known_peak() or measured_peak()
    rows = [_HEADINGS]
    for name, timing in timings.items():
        tokens, flops = work[name.removeprefix(_HF)]
        rows.append(_row(name, timing, tokens, flops, peak))
    lines = [*_description(config, shape, workload), f"peak: {peak.flops / 1e12:.4g} TFLOP/s ({peak.source})", ""]
    lines += _aligned(rows)
    lines += ["", *_notes(workload, training)]
    for name in ("train step", "greedy decoding"):
        if _HF + name in timings:
            ratio = timings[name].median / timings[_HF + name].median
            lines.append(f"{name}: {ratio:.2f} x the time of Hugging Face's T5 on torch (median, same run)")
    return "\n".join(lines)


def _row(name: str, timing: Timing, tokens: int, flops: int, peak: Peak) -> tuple[str, ...]:
    rate = flops / timing.median
    return (
        name,
        f"{1e3 * timing.least:.1f}",
        f"{1e3 * timing.median:.1f}",
        f"{tokens / timing.median:,.0f}",
        f"{flops / 1e9:.4g}",
        f"{rate / 1e9:,.0f}",
        f"{100 * rate / peak.flops:.0f} %",
    )


def _description(config: T5Config, shape: Shape, workload: Workload) -> list[str]:
    parameters = parameter_count(workload.trainer.train_state.params)
    devices = jax.devices()
    return [
        f"network: {parameters:,} parameters; width {config.emb_dim}, {config.num_encoder_layers} + "
        f"{config.num_decoder_layers} layers, {config.num_heads} heads of {config.head_dim}, MLP {config.mlp_dim} "
        f"{'/'.join(config.mlp_activations)}, vocabulary {config.vocab_size:,}, {jax.numpy.dtype(config.dtype).name}",
        f"batch: {shape.batch_size} x {shape.input_length} in, {shape.target_length} out, "
        f"{100 * shape.padding_fraction:.0f} % padding; {len(devices)} x {devices[0].device_kind}",
    ]


def _notes(workload: Workload, flops: int) -> list[str]:
    lines = [f"compiling the training step took {workload.trainer.compilation_seconds:.1f} s"]
    counted = workload.counted_flops
    if counted:
        lines.append(f"XLA counts {counted / 1e9:.4g} GFLOP in it, {counted / flops:.3f} x the model's")
    return lines


def memory_table(config: T5Config, shape: Shape, memory: LossMemory) -> str:
    """Returns the peak memory of the loss in both ways."""
    rows = [
        ("loss and gradients, beside arguments and results", "GB"),
        ("in chunks over tokens, as trained", f"{memory.in_chunks / 1e9:.3f}"),
        ("with all logits at once", f"{memory.whole / 1e9:.3f}"),
        ("all logits in float32 alone", f"{memory.logits / 1e9:.3f}"),
    ]
    size = (
        f"{shape.batch_size} x {shape.target_length} targets, vocabulary {config.vocab_size:,}, width {config.emb_dim}"
    )
    return "\n".join([size, *_aligned(rows)])


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Returns the rows as lines: the first column flush left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return lines
