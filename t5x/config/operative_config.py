"""The config that a run used, as text: written beside its checkpoints and into TensorBoard.

Leaves: `config.gin`, all bindings, which runs again as `--gin_file=config.gin`; and `operative_config.gin`, the
parameters of what has been called so far, defaults included.
Source: T5X's `gin_utils.summarize_gin_config`, which writes config.gin and the TensorBoard text `config`.
Effects: writes the two files, on process 0 only.
"""

from __future__ import annotations

from typing import Any

import gin

CONFIG_FILE = "config.gin"
OPERATIVE_CONFIG_FILE = "operative_config.gin"


def get_gin_config_str() -> str:
    """Returns all bindings of the run as gin text."""
    return gin.config_str()


def _write(folder: str, name: str, text: str) -> None:
    """Writes a file so that a reader sees the old text or the new, never a part."""
    from etils import epath

    directory = epath.Path(folder)
    directory.mkdir(parents=True, exist_ok=True)
    unfinished = directory / f"{name}.unfinished"
    unfinished.write_text(text)
    unfinished.replace(directory / name)


def write_operative_config(folder: str) -> None:
    """Writes what has been called so far, with the values it was called with, to `folder`; on process 0 only."""
    import jax

    if jax.process_index() == 0:
        _write(folder, OPERATIVE_CONFIG_FILE, gin.operative_config_str())


def summarize_gin_config(model_dir: str, summary_writer: Any | None, step: int) -> None:
    """Writes the run's config to `model_dir` and, if there is a writer, to TensorBoard under `config`.

    Args:
      model_dir: folder of the run; made if absent.
      summary_writer: a clu MetricWriter, or None.
      step: the training step the text is shown at.
    """
    import jax

    if jax.process_index() != 0:
        return
    text = get_gin_config_str()
    _write(model_dir, CONFIG_FILE, text)
    write_operative_config(model_dir)
    if summary_writer is not None:
        summary_writer.write_texts(step, {"config": gin.markdown(text)})
        summary_writer.flush()
