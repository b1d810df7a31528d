"""Metrics as small values that are summed on the device and read once per report.

Enters: sums of one step. Leaves: after `merge` over steps and `finalize` with the time they took, plain numbers.
Source: names and meaning as in T5X `metrics.py` and clu; here without either, so that a step needs jax alone.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Num

Scalar = Num[Array, ""] | float | int


@struct.dataclass
class Metric(abc.ABC):
    """Sums that add up over steps, and the number they stand for."""

    def merge(self, other: Any) -> Any:
        """Returns the metric of both."""
        return type(self)(*(getattr(self, f) + getattr(other, f) for f in self.__dataclass_fields__))

    @abc.abstractmethod
    def compute(self, steps: int, seconds: float) -> float:
        """Returns the number, for sums over `steps` steps that took `seconds`."""


@struct.dataclass
class Sum(Metric):
    """A total."""

    total: Scalar

    def compute(self, steps: int, seconds: float) -> float:
        return float(self.total)


@struct.dataclass
class Average(Metric):
    """A total divided by a count."""

    total: Scalar
    count: Scalar

    def compute(self, steps: int, seconds: float) -> float:
        return float(self.total) / float(self.count) if float(self.count) else float("nan")


@struct.dataclass
class AveragePerStep(Metric):
    """A total divided by the number of steps."""

    total: Scalar

    def compute(self, steps: int, seconds: float) -> float:
        return float(self.total) / steps


@struct.dataclass
class Maximum(Metric):
    """The greatest value of any step."""

    value: Scalar

    def merge(self, other: Maximum) -> Maximum:
        return Maximum(jnp.maximum(self.value, other.value))

    def compute(self, steps: int, seconds: float) -> float:
        return float(self.value)


@struct.dataclass
class Time(Metric):
    """How long the steps took, in seconds."""

    def compute(self, steps: int, seconds: float) -> float:
        return seconds


@struct.dataclass
class TimeRate(Metric):
    """A total per second."""

    numerator: Scalar

    def compute(self, steps: int, seconds: float) -> float:
        return float(self.numerator) / seconds


@struct.dataclass
class StepsPerTime(Metric):
    """Steps per second."""

    def compute(self, steps: int, seconds: float) -> float:
        return steps / seconds


MetricsMap = Mapping[str, Metric]


def merge(first: MetricsMap, second: MetricsMap) -> dict[str, Metric]:
    """Returns the metrics of both, name by name."""
    return {name: metric.merge(second[name]) for name, metric in first.items()}


def finalize(metrics: MetricsMap, steps: int, seconds: float) -> dict[str, float]:
    """Returns plain numbers for sums over `steps` steps that took `seconds`."""
    seconds = max(seconds, 1e-9)  # a clock too coarse to see one step must not divide by 0
    return {name: metric.compute(steps, seconds) for name, metric in metrics.items()}
