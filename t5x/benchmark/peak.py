"""How fast the devices could be: known peaks of accelerators, a measured one of CPUs.

Enters: jax's devices. Leaves: FLOP/s of dense matrix products, and in words where the number comes from.
Effects: `measured_peak` computes for a moment and reads the clock.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import jax
import jax.numpy as jnp

# Dense bfloat16 TFLOP/s of one device, by what its name contains. Sources: NVIDIA's data sheets of the H100 (SXM),
# H200, A100, L4 and B200, without sparsity; Google Cloud's TPU documentation. jax counts a TPU v2 or v3 core as a
# device, and a v4 or later chip.
_BFLOAT16_TFLOPS = (
    ("H200", 989.0),
    ("H100 PCIe", 756.0),
    ("H100", 989.0),
    ("B200", 2250.0),
    ("A100", 312.0),
    ("L4", 121.0),
    ("TPU v2", 22.5),
    ("TPU v3", 61.5),
    ("TPU v4", 275.0),
    ("TPU v5 lite", 197.0),
    ("TPU v5e", 197.0),
    ("TPU v5p", 459.0),
    ("TPU v5", 459.0),
    ("TPU v6 lite", 918.0),
)
_SIDE = 1024  # of the square matrices that a CPU's peak is measured with; 4 MiB each in float32
_TRIES = 10


class Peak(NamedTuple):
    """FLOP/s of all devices together."""

    flops: float
    source: str


def known_peak(devices: list[jax.Device] | None = None) -> Peak | None:
    """Returns the published peak of accelerators, measured against bfloat16; None for an unknown kind and for CPUs."""
    devices = jax.devices() if devices is None else devices
    for name, tflops in _BFLOAT16_TFLOPS:
        if name.lower() in devices[0].device_kind.lower():
            return Peak(tflops * 1e12 * len(devices), f"{name} bfloat16 peak, {tflops:g} TFLOP/s each")
    return None


def measured_peak() -> Peak:
    """Returns the rate of a float32 product of square matrices on the default device, the best of several tries."""
    square = jax.random.normal(jax.random.key(0), (_SIDE, _SIDE), jnp.float32)
    multiply = jax.jit(jnp.dot)
    multiply(square, square).block_until_ready()
    seconds = []
    for _ in range(_TRIES):
        start = time.perf_counter()
        multiply(square, square).block_until_ready()
        seconds.append(time.perf_counter() - start)
    return Peak(2 * _SIDE**3 / min(seconds), f"measured here, float32 {_SIDE} x {_SIDE}")
