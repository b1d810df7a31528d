"""What a mixture holds, before any data is read."""

from __future__ import annotations

import pytest

from flan_mixtures.mixtures.preview import (
    PreviewPart,
    preview_batches,
    preview_counts,
    preview_examples,
    preview_tokens,
)
from flan_mixtures.mixtures.schedule import Schedule
from t5x.errors import UserError

PARTS = [PreviewPart("long", 1_000, 1, 300.0), PreviewPart("short", 50, 3, 100.0)]


def test_examples_divide_by_weight_into_rows_tokens_and_epochs():
    preview = preview_examples(PARTS, 400)
    long, short = preview.lines
    assert (long.share, long.examples, long.tokens, long.epochs) == (0.25, 100, 30_000, 0.1)
    assert (short.share, short.examples, short.tokens, short.epochs) == (0.75, 300, 30_000, 6)
    assert (preview.rows, preview.examples, preview.tokens) == (1_050, 400, 60_000)
    assert [line.name for line in preview.repeated] == ["short"]


def test_a_budget_of_tokens_or_packed_batches_becomes_examples():
    assert preview_tokens(PARTS, 60_000) == preview_examples(PARTS, 400)
    assert preview_batches(PARTS, batches=10, batch_size=8, length=1_000, filled=0.75) == preview_examples(PARTS, 400)


def test_unknown_token_counts_leave_the_total_unknown_only_where_the_part_is_read():
    parts = [*PARTS, PreviewPart("unread", 10, 0)]
    assert preview_examples(parts, 400).tokens == 60_000
    assert preview_examples([*PARTS, PreviewPart("unknown", 10, 1)], 400).tokens is None


def test_a_preview_of_a_schedule_is_exact():
    parts = [(part.name, part.rows, part.weight) for part in PARTS]
    schedule = Schedule(parts, seed=3)
    preview = preview_counts(PARTS, schedule.counts(10_001))
    drawn = [schedule.names[schedule.at(position).part] for position in range(0, 200)]
    few = preview_counts(PARTS, schedule.counts(200))
    assert [line.examples for line in few.lines] == [drawn.count("long"), drawn.count("short")]
    assert preview.examples == 10_001
    assert preview.lines[1].epochs == pytest.approx(10_001 * 0.75 / 50, rel=0.01)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: preview_examples([], 5), "no parts"),
        (lambda: preview_examples(PARTS, -5), "-5 examples"),
        (lambda: preview_examples([PreviewPart("a", 5, 0)], 5), "weight 0"),
        (lambda: preview_examples([PreviewPart("a", 0, 1)], 5), "'a' has 0 rows"),
        (lambda: preview_examples([PreviewPart("a", 5, -1)], 5), "weight -1"),
        (lambda: preview_tokens([*PARTS, PreviewPart("a", 5, 1)], 5), "'a' has no mean token count"),
        (lambda: preview_batches(PARTS, 1, 1, 512, filled=1.5), "filled by 1.5"),
    ],
)
def test_mistakes_are_named(build, says):
    with pytest.raises(UserError, match=says):
        build()
