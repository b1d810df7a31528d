"""The order of a mixture, by random access."""

from __future__ import annotations

import dataclasses
import itertools
import random

import numpy as np
import pytest

from flan_mixtures.mixtures import arcs
from flan_mixtures.mixtures.floor_sum import floor_sums
from flan_mixtures.mixtures.permutation import permuted
from flan_mixtures.mixtures.schedule import BLOCK, Place, Schedule
from t5x.errors import UserError

PARTS = [("a", 100, 5.0), ("unused", 0, 0.0), ("b", 7, 3.0), ("c", 1, 0.5), ("d", 10_007, 1.5)]
SEED = 11


def many_parts(count: int) -> list[tuple[str, int, float]]:
    """Parts of very unequal weights."""
    chance = random.Random(count)
    return [(f"task{index}", chance.randrange(1, 30_000), chance.random() ** 8 + 1e-9) for index in range(count)]


def read(schedule: Schedule, start: int, stop: int, host: int = 0, hosts: int = 1) -> dict[int, tuple[int, int, int]]:
    """What one host reads of the positions from start to stop: position -> (part, epoch, row)."""
    found: dict[int, tuple[int, int, int]] = {}
    for places in schedule.places(start, host, hosts):
        columns = (places.position, places.part, places.epoch, places.row)
        for position, *rest in zip(*(column.tolist() for column in columns), strict=True):
            if position >= stop:
                return found
            found[position] = tuple(rest)
    return found


def all_places(schedule: Schedule, blocks: int) -> tuple[np.ndarray, ...]:
    """Part, occurrence, epoch and row of the first blocks, each as one array."""
    read_blocks = [schedule.block(block) for block in range(blocks)]
    return tuple(
        np.concatenate([getattr(places, name) for places in read_blocks])
        for name in ("part", "occurrence", "epoch", "row")
    )


def test_a_floor_sum_is_the_sum_of_its_terms():
    chance = random.Random(0)
    for _ in range(200):
        modulus = chance.randrange(1, 2 ** chance.randrange(1, 49))
        step, count = chance.randrange(modulus), chance.randrange(60)
        offsets = [chance.randrange(3 * modulus) for _ in range(5)]
        expected = [sum((step * i + offset) // modulus for i in range(count)) % 2**64 for offset in offsets]
        assert floor_sums(count, step, np.array(offsets), modulus).tolist() == expected


def test_a_floor_sum_of_very_many_terms_is_exact():
    def exact(n: int, a: int, b: int, m: int) -> int:
        if n == 0:
            return 0
        whole = (a // m) * (n * (n - 1) // 2) + (b // m) * n
        last = (a % m) * n + b % m
        return whole + (exact(last // m, m, last % m, a % m) if last >= m else 0)

    chance = random.Random(1)
    for _ in range(100):
        count = chance.randrange(2**44)
        offsets = [chance.randrange(2 * arcs.CIRCLE) for _ in range(3)]
        expected = [exact(count, arcs.STEP, offset, arcs.CIRCLE) % 2**64 for offset in offsets]
        assert floor_sums(count, arcs.STEP, np.array(offsets), arcs.CIRCLE).tolist() == expected


def test_the_step_visits_every_point_and_keeps_the_sequence_even():
    quotients, numerator, denominator = [], arcs.STEP, arcs.CIRCLE
    while numerator:
        quotients.append(denominator // numerator)
        numerator, denominator = denominator % numerator, numerator
    assert denominator == 1
    assert max(quotients) == arcs.LARGEST_QUOTIENT


def test_a_position_at_the_very_edge_of_an_arc_belongs_to_the_arc_that_begins_there():
    position = 12_345
    point = int(arcs.points(np.array([position]), start=99)[0])
    edges = np.array([0, point, point, point + 1, arcs.CIRCLE])  # the second arc is empty
    assert arcs.parts_at(edges, np.array([position]), start=99).tolist() == [2]
    assert arcs.counts(edges, position, start=99)[2] == 0
    assert arcs.counts(edges, position + 1, start=99)[1:3].tolist() == [0, 1]


@pytest.mark.parametrize("size", [*range(1, 20), 31, 32, 33, 97, 1_000, 4_096, 4_097, 10_007])
def test_a_permutation_is_one_to_one(size):
    for key in (0, 1, 2**63 + 5):
        order = permuted(np.arange(size), np.full(size, size), np.full(size, key, dtype=np.uint64))
        assert sorted(order.tolist()) == list(range(size))


def test_sizes_and_keys_may_differ_between_elements():
    sizes, keys = np.array([5, 3, 1_000, 2**40]), np.array([1, 2, 3, 4], dtype=np.uint64)
    index = np.array([4, 1, 999, 2**39])
    together = permuted(index, sizes, keys)
    alone = [int(permuted(index[i : i + 1], sizes[i : i + 1], keys[i : i + 1])[0]) for i in range(4)]
    assert together.tolist() == alone
    assert (together < sizes).all()


def test_every_order_of_three_things_comes_about_equally_often():
    keys = np.repeat(np.arange(6_000, dtype=np.uint64) * np.uint64(0x5851F42D4C957F2D), 3)
    orders = permuted(np.tile(np.arange(3), 6_000), np.full(18_000, 3), keys).reshape(-1, 3)
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 6
    assert counts.min() > 700


@pytest.mark.parametrize("bit", [0, 5, 6, 11])
def test_indices_that_differ_in_one_bit_go_to_unrelated_places(bit):
    def places(index: np.ndarray) -> np.ndarray:
        return permuted(index, np.full(4_096, 4_096), np.full(4_096, 77, dtype=np.uint64))

    difference = places(np.arange(4_096)) ^ places(np.arange(4_096) ^ (1 << bit))
    for half in (difference >> 6, difference & 63):
        assert np.bincount(half, minlength=64).max() < 3 * 4_096 / 64


def test_an_occurrence_is_the_number_of_earlier_positions_of_the_same_part():
    part, occurrence, epoch, row = all_places(Schedule(PARTS, SEED), 3)
    seen = [0] * len(PARTS)
    for number, count in zip(part.tolist(), occurrence.tolist(), strict=True):
        assert count == seen[number]
        seen[number] += 1
    rows = np.array([rows for _, rows, _ in PARTS])[part]
    assert (epoch == occurrence // rows).all()
    assert ((row >= 0) & (row < rows)).all()


def test_one_position_and_its_block_say_the_same():
    schedule = Schedule(many_parts(300), SEED)
    chance = random.Random(2)
    for position in [0, 1, BLOCK - 1, BLOCK, *(chance.randrange(2 ** chance.randrange(1, 42)) for _ in range(60))]:
        places, slot = schedule.block(position // BLOCK), position % BLOCK
        assert places.position[slot] == position
        assert schedule.at(position) == Place(int(places.part[slot]), int(places.epoch[slot]), int(places.row[slot]))


def test_after_whole_blocks_every_count_is_within_the_bound_of_even_sequences():
    schedule = Schedule(many_parts(1_500), SEED)
    for blocks in (1, 25, 10_000, 2**30):
        off = schedule.counts(blocks * BLOCK) - blocks * BLOCK * schedule.shares
        assert np.abs(off).max() <= 6  # one part: far inside the bound
        assert np.abs(np.cumsum(off)).max() <= arcs.bound(blocks * BLOCK)  # any neighbouring parts together


def test_over_100k_draws_weights_are_closer_than_independent_draws_would_be():
    schedule = Schedule(PARTS, SEED)
    weights = np.array([weight for _, _, weight in PARTS])
    off = np.abs(schedule.counts(100_000) - 100_000 * weights / weights.sum())
    assert off.max() < 50  # independent draws: 158 for the first part's half


def test_counts_at_any_position_are_what_the_blocks_hold():
    schedule = Schedule(PARTS, SEED)
    part = all_places(schedule, 3)[0]
    for position in (0, 1, 77, BLOCK - 1, BLOCK, 2 * BLOCK + 1_234):
        assert schedule.counts(position).tolist() == np.bincount(part[:position], minlength=len(PARTS)).tolist()


def test_a_part_of_tiny_weight_gets_its_share_over_a_long_run():
    schedule = Schedule([("huge", 10, 1.0), ("tiny", 10, 1e-9)], SEED)
    assert abs(schedule.counts(10**12)[1] - 1_000) <= 6


def test_every_row_comes_once_per_epoch_and_epochs_differ_in_order():
    part, _, epoch, row = all_places(Schedule(PARTS, SEED), 5)
    orders = [row[(part == 0) & (epoch == number)].tolist() for number in range(20)]
    assert all(sorted(order) == list(range(100)) for order in orders)
    assert len({tuple(order) for order in orders}) == 20
    large = [row[(part == 4) & (epoch == number)].tolist() for number in (0, 1)]
    assert len(set(large[0])) == len(large[0])
    single = epoch[part == 3].tolist()
    assert single == list(range(len(single)))


def test_an_epoch_never_begins_before_the_last_is_over():
    part, _, epoch, _ = all_places(Schedule(PARTS, SEED), 2)
    assert all((np.diff(epoch[part == number]) >= 0).all() for number in range(len(PARTS)))


def test_hosts_together_read_every_position_once_whatever_their_number():
    schedule = Schedule(PARTS, SEED)
    alone = read(schedule, 0, 10_000)
    assert list(alone) == list(range(10_000))
    for hosts in (2, 4):
        shares = [read(schedule, 0, 10_000, host, hosts) for host in range(hosts)]
        assert all(position % hosts == host for host in range(hosts) for position in shares[host])
        assert sum(map(len, shares)) == 10_000
        assert {position: place for share in shares for position, place in share.items()} == alone


def test_a_restart_anywhere_goes_on_as_if_there_had_been_none():
    whole = read(Schedule(PARTS, SEED), 0, 15_000, 1, 3)
    for start in (5_003, BLOCK, 12_345):
        rest = read(Schedule(PARTS, SEED), start, 15_000, 1, 3)
        assert rest == {position: place for position, place in whole.items() if position >= start}


def test_seeds_differ_and_the_same_seed_does_not():
    first, second, again = (Schedule(PARTS, seed).block(0) for seed in (1, 2, 1))
    assert (first.part != second.part).mean() > 0.3
    for field in dataclasses.fields(first):
        assert (getattr(first, field.name) == getattr(again, field.name)).all()
    alone = [Schedule([("a", 1_000, 1)], seed).block(0).row for seed in (1, 2)]
    assert (alone[0] == alone[1]).mean() < 0.01


def test_seeds_shuffle_blocks_differently_and_do_not_only_turn_the_circle():
    parts = [(f"task{index}", 5, 1.0) for index in range(BLOCK)]
    first, second = (Schedule(parts, seed).block(0).part for seed in (1, 2))
    turned = (first - first[0] - second + second[0]) % BLOCK
    assert np.isin(turned, [BLOCK - 1, 0, 1]).mean() < 0.01


def test_the_row_order_of_a_part_does_not_depend_on_the_other_parts():
    def rows_of_d(parts: list[tuple[str, int, float]]) -> list[int]:
        schedule = Schedule(parts, SEED)
        places = schedule.block(0)
        return places.row[places.part == schedule.names.index("d")][:500].tolist()

    assert rows_of_d(PARTS) == rows_of_d([("new", 3, 1.0), *PARTS])


def test_the_order_of_parts_has_no_period():
    part = all_places(Schedule([("a", 10, 1.0), ("b", 10, 1.0)], SEED), 4)[0]
    signs = 2.0 * part - 1
    for lag in itertools.chain(range(1, 60), (89, 144, 233, 377, 610, 987, BLOCK, 2 * BLOCK)):
        assert abs((signs[:-lag] * signs[lag:]).mean()) < 0.05


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Schedule([], 0), "no parts"),
        (lambda: Schedule([("a", 5, 0.0)], 0), "weight 0"),
        (lambda: Schedule([("a", 5, -1.0)], 0), "'a' of the mixture has the weight -1"),
        (lambda: Schedule([("a", 5, float("nan"))], 0), "weight nan"),
        (lambda: Schedule([("a", 0, 1.0)], 0), "'a' of the mixture has 0 rows"),
        (lambda: Schedule([("a", 5, 1.0), ("a", 6, 1.0)], 0), "'a' is in the mixture twice"),
        (lambda: Schedule([("a", 5, 1.0), ("b", 5, 1e-20)], 0), "'b' of the mixture has the weight 1e-20"),
        (lambda: Schedule(PARTS, 0).at(-1), "Position -1"),
        (lambda: Schedule(PARTS, 0).at(2**44), "Position 17592186044416"),
        (lambda: next(Schedule(PARTS, 0).places(0, host=2, hosts=2)), "no host 2 among 2"),
    ],
)
def test_mistakes_are_named(build, says):
    with pytest.raises(UserError, match=says):
        build()
