"""Splits of Flan 2021 into tasks to train on and tasks to be evaluated on that were never seen.

Two kinds. Inter-cluster: one cluster is held out as a whole. Intra-cluster: ten splits, each of which holds out one
data set of every cluster that has several. What resembles or overlaps the held-out tasks is in neither part.
Enters: `hold_out.toml` beside this file: clusters and rules. Leaves: names of tasks. Effects: reads that file once.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import tomllib
from collections.abc import Iterable, Mapping, Sequence

from t5x.errors import UserError, nearest

INTRA_CLUSTER_SPLITS = 10  # as published; the largest clusters have ten data sets, so each is held out at least once


@dataclasses.dataclass(frozen=True)
class HoldOut:
    """A split. Every task of Flan 2021 is in one of the three, sorted by name.

    Attributes:
      train: tasks to train on.
      held_out: tasks to evaluate on.
      excluded: tasks that are used for neither, because they would give the held-out ones away.
    """

    train: tuple[str, ...]
    held_out: tuple[str, ...]
    excluded: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class _Rules:
    clusters: Mapping[str, Sequence[str]]
    resembling: Mapping[str, Sequence[str]]
    variants: Mapping[str, Sequence[str]]
    overlaps: Mapping[str, Sequence[str]]


def clusters() -> dict[str, tuple[str, ...]]:
    """Returns the tasks of each cluster."""
    return {name: tuple(tasks) for name, tasks in _rules().clusters.items()}


def inter_cluster(cluster: str) -> HoldOut:
    """Returns the split that holds out one cluster. Raises UserError for an unknown one."""
    rules = _rules()
    if cluster not in rules.clusters:
        raise UserError(
            f"Flan 2021 has no cluster {cluster!r}.{nearest(cluster, rules.clusters)} "
            f"The clusters are {', '.join(rules.clusters)}."
        )
    alike = [task for other in rules.resembling.get(cluster, ()) for task in rules.clusters[other]]
    return _split(rules.clusters[cluster], alike)


def intra_cluster(index: int) -> HoldOut:
    """Returns one of the ten splits that hold out a data set per cluster. Raises UserError for an index not in 0..9.

    Variants of a data set count as one and stay together; clusters of one data set are trained on.
    """
    if index not in range(INTRA_CLUSTER_SPLITS):
        raise UserError(f"There is no intra-cluster split {index!r}: expected 0 to {INTRA_CLUSTER_SPLITS - 1}.")
    data_sets = [_data_sets(tasks) for tasks in _rules().clusters.values()]
    return _split([task for sets in data_sets if len(sets) > 1 for task in sets[index % len(sets)]])


def _split(held_out: Iterable[str], alike: Iterable[str] = ()) -> HoldOut:
    everything = {task for tasks in _rules().clusters.values() for task in tasks}
    held = set(held_out)
    overlapping = {task for group in _rules().overlaps.values() if held & set(group) for task in group}
    excluded = (overlapping | set(alike)) - held
    return HoldOut(tuple(sorted(everything - held - excluded)), tuple(sorted(held)), tuple(sorted(excluded)))


def _data_sets(tasks: Sequence[str]) -> list[tuple[str, ...]]:
    """Returns the tasks of a cluster with variants of one data set put together, in the cluster's order."""
    together = {task: tuple(variants) for variants in _rules().variants.values() for task in variants}
    return list(dict.fromkeys(together.get(task, (task,)) for task in tasks))


@functools.cache
def _rules() -> _Rules:
    text = importlib.resources.files("flan_mixtures").joinpath("mixtures", "hold_out.toml").read_text("utf-8")
    return _Rules(**tomllib.loads(text))
