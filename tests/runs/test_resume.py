"""A run that is stopped, in whatever way, goes on as if it never had been. Real processes, killed by real signals."""

from __future__ import annotations

import json
import random
import signal

import pytest
from command import (
    NO_EVALUATION,
    PATIENCE_SECONDS,
    losses,
    rows,
    start_process,
    train_flags,
    trained_steps,
    wait_until,
)

STEPS = 40
# Saved often, so that a kill finds a save under way; dropout and shuffled, packed data are finetune.gin's own.
LONG_RUN = {"TRAIN_STEPS": STEPS, "utils.SaveCheckpointConfig.period": 5}


def parameters(model_dir, step):
    """The saved state at a step, by name, as bytes."""
    import jax

    from t5x.ckpt.names import flatten, unflatten
    from t5x.ckpt.restore import read_tree_metadata, restore

    path = model_dir / f"checkpoint_{step}"
    template = unflatten({n: jax.ShapeDtypeStruct(shape, t) for n, (shape, t) in read_tree_metadata(path).items()})
    return {name: array.tobytes() for name, array in flatten(restore(path, template)).items()}


# One process for two commands: half of a short run's time is the import of TensorFlow.
TWO_COMMANDS = """
import sys
import gin
from t5x.main import main
middle = sys.argv.index("--")
for flags in (sys.argv[1:middle], sys.argv[middle + 1:]):
    gin.clear_config()
    if status := main(flags):
        sys.exit(status)
"""


def resume_beside_a_run_never_stopped(tmp_path, flags_of, killed_run):
    """Goes on with the killed run, then trains one of the same seeds without a stop, and returns its folder."""
    whole, log = tmp_path / "whole", tmp_path / "two.log"
    whole.mkdir()
    kept = json.loads((killed_run / "run.json").read_text())  # drawn by the first start where none was given
    (whole / "run.json").write_text(json.dumps({name: kept[name] for name in ("random_seed", "data_seed")}))
    process = start_process([*flags_of(killed_run), "--", *flags_of(whole)], log, TWO_COMMANDS)
    assert process.wait(2 * PATIENCE_SECONDS) == 0, log.read_text()
    assert f"resumed from {killed_run}" in log.read_text()
    return whole


@pytest.mark.parametrize(
    ("seed", "save_dataset", "moment"),
    [
        pytest.param(1, True, "any"),
        pytest.param(None, True, "save", marks=pytest.mark.slow),
        pytest.param(None, False, "any", marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_gives_the_losses_and_parameters_of_one_never_stopped(tmp_path, seed, save_dataset, moment):
    macros = LONG_RUN | {"RANDOM_SEED": seed, "utils.SaveCheckpointConfig.save_dataset": save_dataset}
    run, log = tmp_path / "run", tmp_path / "killed.log"
    kill_after = random.randrange(7, STEPS - 5)

    def is_time():
        if max(trained_steps(run), default=0) < kill_after:
            return False
        return moment == "any" or bool(list(run.glob("checkpoint_*.orbax-checkpoint-tmp*")))

    def flags_of(folder):
        return train_flags(folder, *NO_EVALUATION, **macros)

    process = start_process(flags_of(run), log)
    wait_until(is_time, process, log)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

    whole = resume_beside_a_run_never_stopped(tmp_path, flags_of, run)
    assert sorted(losses(run)) == list(range(1, STEPS + 1))
    assert losses(run) == losses(whole)
    assert parameters(run, STEPS) == parameters(whole, STEPS)


def test_sigterm_during_an_evaluation_saves_and_the_next_start_goes_on_and_evaluates(tmp_path, t5x):
    run, log = tmp_path / "run", tmp_path / "stopped.log"
    macros = {"EVAL_PERIOD": 3, "utils.SaveCheckpointConfig.period": 1000}
    process = start_process(train_flags(run, **macros, TRAIN_STEPS=100_000), log)
    wait_until(lambda: "evaluating, after step 3" in log.read_text(), process, log)
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == 0, log.read_text()
    assert "Traceback" not in log.read_text()
    stopped_at = trained_steps(run)[-1]
    assert (run / f"checkpoint_{stopped_at}").is_dir()

    status, output = t5x(train_flags(run, **macros, TRAIN_STEPS=stopped_at + 1))
    assert status == 0, output
    assert f"resumed from {run / f'checkpoint_{stopped_at}'}" in output
    assert trained_steps(run) == list(range(1, stopped_at + 2))
    for task in ("toy_say", "toy_sing"):
        evaluated = [row["step"] for row in rows(run / "inference_eval" / f"{task}-metrics.jsonl")]
        assert evaluated[0] == 3
        assert evaluated == sorted(set(evaluated))
