"""Trains the SentencePiece vocabulary of mini Flan on its own text: `python -m flan_mixtures.mini.train_vocabulary`.

The text is every family in zero-shot and chain-of-thought style, held-out families included (a vocabulary that lacks
their words would test spelling, not transfer), plus the few-shot templates with one exemplar.
Effects: writes `vocabulary.model` beside this file, or where `--output` says.
"""

from __future__ import annotations

import argparse
import io
import pathlib
import tempfile
from collections.abc import Iterator

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from flan_mixtures.mini.families import FAMILIES
from flan_mixtures.mini.render import render
from flan_mixtures.mini.rows import row
from flan_mixtures.mini.template import STYLES, templates
from flan_mixtures.mini.vocabulary import VOCABULARY_FILE

VOCABULARY_SIZE = 1024  # 256 of them bytes; a multiple of 128, as matrix units like it
ROWS = 400  # per family and style: every word occurs often, and training takes seconds
# How often each number from 0 to 99 is added to the text, so that all of them become one piece each. A model then
# learns about a number as about a word; built from digits, the sums are not learnt within the quickstart's minutes.
NUMBER_REPEATS = 300
# The only change made to text: a no-break space becomes a space. (Code points, source TAB target. With no rule at all
# the tokenizer prints a line every time that a task loads it.)
NORMALIZATION = "A0\t20\n"


def training_text() -> Iterator[str]:
    """Yields the lines that the vocabulary is trained on."""
    for family in FAMILIES:
        for style in STYLES:
            choices = templates(family)[style]
            for index in range(ROWS):
                shots = [row(family, "train", ROWS + index)] if style == "fs" else []
                rendered = render(row(family, "train", index), choices[index % len(choices)], shots)
                yield rendered.inputs
                yield rendered.targets
    for _ in range(NUMBER_REPEATS):
        yield " ".join(str(number) for number in range(100))


def train() -> bytes:
    """Returns the trained model file's content."""
    model = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        rules.write(NORMALIZATION)
        rules.flush()
        _train_to(model, rules.name)
    trained = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    # The name of the temporary file would make every run's result different.
    trained.normalizer_spec.ClearField("normalization_rule_tsv")
    return trained.SerializeToString(deterministic=True)


def _train_to(model: io.BytesIO, normalization_file: str) -> None:
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=training_text(),
        model_writer=model,
        model_type="bpe",
        vocab_size=VOCABULARY_SIZE,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        byte_fallback=True,
        character_coverage=1.0,
        normalization_rule_tsv=normalization_file,
        remove_extra_whitespaces=False,
        num_threads=1,
        minloglevel=1,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, default=VOCABULARY_FILE)
    output = parser.parse_args().output
    output.write_bytes(train())
    print(f"wrote {output} ({output.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
