"""SeqIO tasks and mixtures of mini Flan.

Tasks `mini_<family>_<style>` with style `zs` (zero-shot), `fs` (few-shot) or `cot` (zero-shot chain of thought), each
with the splits train, validation and test; held-out families have them too, for experiments on transfer.
Mixtures:
    mini_flan                  the trained families in all styles, at the rates of `STYLE_RATES`
    mini_flan_eval_held_in     the trained families, zero-shot, direct answer
    mini_flan_eval_held_out    the held-out families, zero-shot, direct answer
    mini_flan_eval             both of these
Rows also carry `_task_name`, `_template_type` and `_template_idx`; SeqIO's feature converters drop them in training.
Metric: `exact_match`, in percent; in chain-of-thought tasks, of the answer after the rationale.
Effects: importing registers all of these and makes no text; a task's text is made when its data is first asked for.
"""

from __future__ import annotations

import functools

import seqio

from flan_mixtures.evals.answer import extract_answer
from flan_mixtures.evals.exact_match import exact_match
from flan_mixtures.mini.corpus import INPUT_LENGTH, TARGET_LENGTH, examples
from flan_mixtures.mini.families import FAMILIES, HELD_IN, HELD_OUT
from flan_mixtures.mini.rows import SPLITS
from flan_mixtures.mini.template import STYLES
from flan_mixtures.mini.vocabulary import VOCABULARY_FILE
from flan_mixtures.pipeline.cacheable_task import CacheableTask
from flan_mixtures.sources.length_limit import leave_out_long_rows
from flan_mixtures.sources.rows_source import RowsSource
from flan_mixtures.sources.shared_tokenizer import SharedTokenizerVocabulary

# Training rows of one task; the quickstart passes over the 5,000 zero-shot rows of a family about three times.
TRAIN_ROWS = {"zs": 5000, "fs": 1000, "cot": 1000}
# Rows of validation and of test; the smallest question space (arithmetic) holds about 75 in each.
EVALUATION_ROWS = 50
# Share of each style, the same for every family. The Flan Collection takes half few-shot and about 5 % chain of
# thought; here few-shot prompts cost three times the tokens and zero-shot is what is evaluated, so it gets most.
STYLE_RATES = {"zs": 8.0, "fs": 1.0, "cot": 1.0}


def mini_vocabulary() -> seqio.SentencePieceVocabulary:
    """Returns the vocabulary of mini Flan: 1,024 pieces, no sentinels. Gin: `VOCABULARY = @tasks.mini_vocabulary()`."""
    return SharedTokenizerVocabulary(str(VOCABULARY_FILE), extra_ids=0)


def feature_lengths() -> dict[str, int]:
    """Returns lengths in tokens that fit every row. Gin: `TASK_FEATURE_LENGTHS = @tasks.feature_lengths()`."""
    return {"inputs": INPUT_LENGTH, "targets": TARGET_LENGTH}


def task_name(family: str, style: str) -> str:
    """Returns the name of the task that renders `family` in `style`."""
    return f"mini_{family}_{style}"


@functools.cache
def rendered_rows(split: str, *, family: str, style: str) -> list[dict[str, str | int]]:
    """Returns the rendered rows of one split of a task, in order."""
    count = TRAIN_ROWS[style] if split == "train" else EVALUATION_ROWS
    return [
        {
            "inputs": example.inputs,
            "targets": example.targets,
            "_task_name": family,
            "_template_type": style,
            "_template_idx": example.template_number,
        }
        for example in examples(family, style, split, count)
    ]


def _register(family: str, style: str) -> str:
    name = task_name(family, style)
    rows = functools.partial(rendered_rows, family=family, style=style)
    feature = seqio.Feature(mini_vocabulary(), add_eos=True)
    seqio.TaskRegistry.add(
        name,
        task_cls=CacheableTask,
        source=RowsSource(rows, splits=SPLITS),
        preprocessors=[
            seqio.preprocessors.tokenize,
            leave_out_long_rows(name, functools.partial(rows, "train")),
            seqio.preprocessors.append_eos,
        ],
        cached_preprocessors=[seqio.preprocessors.tokenize, seqio.preprocessors.append_eos],
        output_features={"inputs": feature, "targets": feature},
        shuffle_buffer_size=None,  # the source shuffles
        postprocess_fn=extract_answer,
        metric_fns=[exact_match],
    )
    return name


TASKS = {(family, style): _register(family, style) for family in FAMILIES for style in STYLES}

seqio.MixtureRegistry.add(
    "mini_flan", [(TASKS[family, style], STYLE_RATES[style]) for family in HELD_IN for style in STYLES]
)
for _mixture, _families in (
    ("mini_flan_eval_held_in", HELD_IN),
    ("mini_flan_eval_held_out", HELD_OUT),
    ("mini_flan_eval", (*HELD_IN, *HELD_OUT)),
):
    seqio.MixtureRegistry.add(_mixture, [TASKS[family, "zs"] for family in _families], default_rate=1.0)
