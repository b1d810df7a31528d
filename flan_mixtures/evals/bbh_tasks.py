"""SeqIO tasks over BIG-Bench Hard in the data folder, one per file and mode, and a mixture of the 27 per mode.

| mixture | tasks | prompt |
|---|---|---|
| `bbh` | `bbh_<name>` | zero-shot, this project's words |
| `bbh_direct` | `bbh_direct_<name>` | the published three exemplars, answers only |
| `bbh_cot` | `bbh_cot_<name>` | the published three exemplars with rationales |

Split: `test`, also under the name `validation`, which is the one evaluation during training asks for.
Metric: `exact_match`, in percent, of the extracted answers. Papers average the 27 tasks unweighted.
Effects: importing registers the tasks and reads no file.
"""

from __future__ import annotations

import functools

import seqio

from flan_mixtures.evals import bbh
from flan_mixtures.evals.answer import extract_answer
from flan_mixtures.evals.exact_match import exact_match
from flan_mixtures.sources import data_root
from flan_mixtures.sources.length_limit import report_long_rows
from flan_mixtures.sources.rows_source import RowsSource
from flan_mixtures.sources.t5_vocabulary import text_features

SPLITS = ("test", "validation")

_PREFIXES = {"zero_shot": "bbh", "direct": "bbh_direct", "cot": "bbh_cot"}


def task_name(name: str, mode: str) -> str:
    """Returns the name of the task that asks the questions of file `name` in `mode`."""
    return f"{_PREFIXES[mode]}_{name}"


def rendered_rows(split: str, *, name: str, mode: str) -> list[dict[str, str]]:
    """Returns the rendered questions; both splits are the same questions. Reads the files."""
    del split
    return bbh.render(data_root.directory() / "bbh", name, mode)


def postprocess(text: str, is_target: bool = False, **_: object) -> str:
    """Returns the answer in a prediction. A target is an answer already."""
    return text if is_target else extract_answer(text)


def _register(name: str, mode: str) -> str:
    rows = functools.partial(rendered_rows, name=name, mode=mode)
    task = task_name(name, mode)
    seqio.TaskRegistry.add(
        task,
        source=RowsSource(rows, splits=SPLITS),
        preprocessors=[
            seqio.preprocessors.tokenize,
            report_long_rows(task, functools.partial(rows, "test")),
            seqio.preprocessors.append_eos_after_trim,
        ],
        output_features=text_features(),
        shuffle_buffer_size=None,  # the source shuffles
        postprocess_fn=postprocess,
        metric_fns=[exact_match],
    )
    return task


for _mode in bbh.MODES:
    seqio.MixtureRegistry.add(_PREFIXES[_mode], [_register(_name, _mode) for _name in bbh.NAMES], default_rate=1.0)
