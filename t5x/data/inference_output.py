"""The lines of an inference file: an example's texts, and what the model made of it.

Enters: examples of a SeqIO task and the results of `t5x.infer` in the same order. Leaves: JSON, one object a line.
Source: the files that T5X's `infer.py` writes; names and defaults of parameters are T5X's. Effects: writes the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import seqio
import tensorflow as tf

from t5x.errors import UserError, nearest

MODES = ("predict", "score", "predict_with_aux")
# SeqIO's name for a text beside its tokens: `inputs_pretokenized`.
_TEXT = "_pretokenized"

# (one result per example, {name: one value per example})
Inferences = tuple[Sequence[Any], Mapping[str, Sequence[Any]]]


def check_mode(mode: str) -> None:
    """Raises UserError for a mode that does not exist."""
    if mode not in MODES:
        raise UserError(f"infer.mode is {mode!r}.{nearest(str(mode), MODES)} It is one of {', '.join(MODES)}.")


def write_inferences_to_file(
    path: str,
    inferences: Inferences,
    task_ds: tf.data.Dataset,
    mode: str,
    vocabulary: seqio.Vocabulary | None = None,
    json_encoder_cls: type[json.JSONEncoder] = seqio.TensorAndNumpyEncoder,
    include_all_inputs: bool = False,
    input_fields_to_include: Sequence[str] | None = None,
    output_ids: bool = False,
) -> None:
    """Writes one line for each example.

    Args:
      path: the file; an earlier one is replaced.
      inferences: ids `[L]` or `[num_decodes, L]` for each example (with mode 'score': its score); and further values.
      task_ds: the examples, in the order of `inferences`.
      mode: 'predict', 'score' or 'predict_with_aux'.
      vocabulary: turns ids into text; not needed for scores.
      json_encoder_cls: writes what JSON has no word for.
      include_all_inputs: write every field of the example instead of its texts only.
      input_fields_to_include: write these fields instead.
      output_ids: write the ids of a prediction too, as `prediction_tokens`.

    Raises:
      UserError: arguments that exclude each other, no vocabulary, an unknown mode or field.
    """
    check_mode(mode)
    if mode != "score" and vocabulary is None:
        raise UserError(f"write_inferences_to_file needs a vocabulary in mode {mode!r}, to turn ids into text.")
    if include_all_inputs and input_fields_to_include is not None:
        raise UserError(
            "write_inferences_to_file got include_all_inputs=True and input_fields_to_include as well; set one of them."
        )
    results, aux = inferences
    with tf.io.gfile.GFile(path, "w") as file:
        for number, (example, result) in enumerate(zip(task_ds.as_numpy_iterator(), results, strict=True)):
            line: dict[str, Any] = {"inputs": dict(_inputs(example, include_all_inputs, input_fields_to_include))}
            if mode == "score":
                line["score"] = result
            else:
                line["prediction"] = _text(np.asarray(result), vocabulary)
                if output_ids:
                    line["prediction_tokens"] = np.asarray(result).tolist()
            if aux and mode != "predict":
                line["aux"] = {name: values[number] for name, values in aux.items()}
            file.write(json.dumps(line, cls=json_encoder_cls) + "\n")


def _inputs(example: Mapping[str, Any], everything: bool, fields: Sequence[str] | None) -> Iterator[tuple[str, Any]]:
    if fields is not None and (missing := [name for name in fields if name not in example]):
        raise UserError(
            f"input_fields_to_include names {', '.join(map(repr, missing))}, but the examples have "
            f"{', '.join(sorted(example))}."
        )
    for name, value in example.items():
        if everything or (name.endswith(_TEXT) if fields is None else name in fields):
            # The encoder would replace a long array by a summary.
            yield name, value.tolist() if isinstance(value, np.ndarray) else value


def _text(ids: np.ndarray, vocabulary: seqio.Vocabulary) -> Any:
    """Returns the text of `[L]` ids, or the texts of `[num_decodes, L]`."""
    if ids.ndim > 1:
        return [_text(row, vocabulary) for row in ids]
    return vocabulary.decode([int(token) for token in ids])
