"""Times the way from rows to packed batches, beside SentencePiece tokenising the same texts alone.

    FLAN_MIXTURES_DATA=/path/to/data python -m flan_mixtures.benchmark [--mixtures cot_zsopt cot_fsopt] [--rows 20000]

The floor: the finished prompts and targets of the rows, tokenised one after the other by the sentencepiece library.
The whole: what training reads, rendered, tokenised, packed to the lengths and batched, in one process.
Both are repeated in turn, and the best of each counts. Effects: reads the data folder, prints.
"""

from __future__ import annotations

import argparse
import logging
import time

import seqio

from flan_mixtures import tasks
from flan_mixtures.mixtures.mixture import TRAIN

_BATCH = 16


def main() -> None:
    """Prints one line per mixture."""
    parser = argparse.ArgumentParser(prog="python -m flan_mixtures.benchmark", description=__doc__.splitlines()[0])
    parser.add_argument("--mixtures", nargs="+", default=["cot_zsopt", "cot_fsopt"])
    parser.add_argument("--rows", type=int, default=20_000, help="examples that are timed")
    parser.add_argument("--lengths", nargs=2, type=int, default=[2048, 512], metavar=("INPUTS", "TARGETS"))
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    lengths = dict(zip(("inputs", "targets"), options.lengths, strict=True))
    print(f"{'mixture':<18} {'rows':>6} {'tokens/row':>10} {'floor rows/s':>13} {'whole rows/s':>13} {'ratio':>6}")
    for name in options.mixtures:
        texts, tokens = _texts(name, lengths, options.rows)
        floor = whole = 0.0
        for _ in range(options.repeats):
            floor = max(floor, options.rows / _tokenise(texts))
            whole = max(whole, _packed_rows_per_second(name, lengths, options.rows))
        counted = f"{name:<18} {options.rows:>6} {tokens / options.rows:>10.0f}"
        print(f"{counted} {floor:>13.0f} {whole:>13.0f} {whole / floor:>6.2f}")


def _texts(name: str, lengths: dict[str, int], rows: int) -> tuple[list[str], int]:
    """Returns the finished texts of the first examples, and how many tokens they have."""
    dataset = seqio.get_mixture_or_task(tasks.register(name)).get_dataset(lengths, split=TRAIN, seed=0, num_epochs=None)
    texts, tokens = [], 0
    for row in dataset.take(rows).as_numpy_iterator():
        texts += [row["inputs_pretokenized"].decode(), row["targets_pretokenized"].decode()]
        tokens += len(row["inputs"]) + len(row["targets"])
    return texts, tokens


def _tokenise(texts: list[str]) -> float:
    """Returns the seconds that tokenising takes, one text after the other."""
    tokenizer = seqio.get_mixture_or_task("cot_submix").output_features["inputs"].vocabulary.tokenizer
    began = time.perf_counter()
    for text in texts:
        tokenizer.EncodeAsIds(text)
    return time.perf_counter() - began


def _packed_rows_per_second(name: str, lengths: dict[str, int], rows: int) -> float:
    """Returns the rate at which examples come out packed, after the first batch."""
    task = seqio.get_mixture_or_task(tasks.register(name))
    packed = task.packed_dataset(lengths, TRAIN, seed=0, shard_info=None, num_epochs=None)
    batches = packed.batch(_BATCH).as_numpy_iterator()
    next(batches)
    seen, began = 0, time.perf_counter()
    while seen < rows:
        seen += int(next(batches)["encoder_segment_ids"].max(axis=1).sum())
    return seen / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
