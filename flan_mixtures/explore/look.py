"""Looking at a mixture: its tasks with exact numbers, and examples of every task and style as far as they go around.

Enters: a laid-out mixture, how many examples are shown and how many are counted. Leaves: a `View`.
Effects: reads the rows that are shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from flan_mixtures.explore.cut import cut
from flan_mixtures.explore.view import Losses, Sample, TaskView, View, losses
from flan_mixtures.mixtures.mean_tokens import drawn_places
from flan_mixtures.mixtures.mixture import Mixture, MixturePart
from flan_mixtures.mixtures.names import definition
from flan_mixtures.mixtures.schedule import Place
from flan_mixtures.rendering.fit import EOS, Encode, Fitted, LeftOut, Lengths

Tracked = Callable[[Sequence[Place]], Iterable[Place]]


def look(
    mixture: Mixture, *, shown: int, counted: int, lengths: Lengths, encode: Encode, unit: str, tracked: Tracked = iter
) -> View:
    """Returns what the page shows.

    Args:
      mixture: laid out, with its sources.
      shown: how many examples are rendered.
      counted: for how many of the mixture's examples the table says how often each task comes.
      lengths, encode, unit: what prompts must fit, how that is counted, and in what.
      tracked: yields the places it is given, and may show how far they are done.
    """
    quotas = shares_of(shown, [part.share for part in mixture.parts])
    places = [
        place
        for part, quota in zip(mixture.parts, quotas, strict=True)
        for place in drawn_places(mixture, part, quota, "explore")
    ]
    samples: list[Sample] = []
    left_out: list[LeftOut] = []
    for place in tracked(places):
        fitted = mixture.example_at(place, lengths, encode)
        if isinstance(fitted, LeftOut):
            left_out.append(fitted)
        else:
            samples.append(_sample(mixture, place, fitted))
    return View(
        mixture=mixture.name,
        split=mixture.split,
        seed=mixture.seed,
        lengths=lengths,
        unit=unit,
        source=definition(mixture.name).preset.source,
        counted=counted,
        tasks=_tasks(mixture, counted),
        samples=tuple(samples),
        losses=_losses(samples, left_out),
    )


def shares_of(count: int, shares: Sequence[float]) -> list[int]:
    """Returns how many of `count` examples each part has: one for each as far as they go, the rest by share.

    Parts with the largest share come first; parts without share have none.
    """
    order = sorted((i for i, share in enumerate(shares) if share > 0), key=lambda i: -shares[i])[:count]
    quotas = [0] * len(shares)
    for i in order:
        quotas[i] = 1
    rest = count - len(order)
    total = math.fsum(shares[i] for i in order)
    exact = {i: rest * shares[i] / total for i in order}
    for i in order:
        quotas[i] += math.floor(exact[i])
    for i in sorted(order, key=lambda i: math.floor(exact[i]) - exact[i])[: count - sum(quotas)]:
        quotas[i] += 1
    return quotas


def _sample(mixture: Mixture, place: Place, fitted: Fitted) -> Sample:
    part = mixture.parts[place.part]
    data = mixture.data(part)
    example = fitted.example
    texts = f"{example.inputs}\n{example.targets}"
    cuts = tuple(cut(name, data.rows[place.row].fields[name], data.long[name], texts) for name in example.shortened)
    return Sample(example, part.declaration.submixture, len(fitted.inputs) + EOS, len(fitted.targets) + EOS, cuts)


def _tasks(mixture: Mixture, counted: int) -> tuple[TaskView, ...]:
    counts = dict(zip((part.name for part in mixture.parts), mixture.schedule.counts(counted).tolist(), strict=True))
    by_task: dict[str, list[MixturePart]] = {}
    for part in (*mixture.parts, *mixture.missing):
        by_task.setdefault(part.declaration.task, []).append(part)
    return tuple(_task(mixture, parts, sum(counts.get(part.name, 0) for part in parts)) for parts in by_task.values())


def _task(mixture: Mixture, parts: Sequence[MixturePart], examples: int) -> TaskView:
    declaration, missing = parts[0].declaration, parts[0].missing
    rows = declaration.rows if missing else len(mixture.data(parts[0]).rows)
    return TaskView(
        task=declaration.task,
        submixture=declaration.submixture,
        cluster=declaration.cluster,
        category=declaration.category,
        licence=declaration.licence,
        rows=rows,
        asked=math.fsum(part.asked for part in parts),
        got=math.fsum(part.share for part in parts),
        examples=examples,
        epochs=examples / rows if rows else 0.0,
        missing=missing,
    )


def _losses(samples: Sequence[Sample], left_out: Sequence[LeftOut]) -> dict[str, Losses]:
    tasks = dict.fromkeys([*(sample.example.task for sample in samples), *(each.task for each in left_out)])
    return {
        task: losses(
            [sample for sample in samples if sample.example.task == task],
            [each.reason for each in left_out if each.task == task],
        )
        for task in tasks
    }
