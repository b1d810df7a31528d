"""What a finished run leaves in its folder."""

from __future__ import annotations

from command import rows, train_flags

TRAIN_METRICS = {
    "accuracy", "loss", "loss_per_nonpadding_target_token", "loss_per_all_target_tokens", "z_loss",
    "z_loss_per_all_target_tokens", "cross_ent_loss", "cross_ent_loss_per_all_target_tokens",
    "timing/seqs_per_second", "timing/steps_per_second", "timing/seconds", "timing/seqs",
    "timing/target_tokens_per_second", "timing/target_tokens_per_second_per_core", "timing/seqs_per_second_per_core",
    "non_padding_fraction/loss_weights", "non_padding_fraction/overall",
}  # fmt: skip


def test_a_run_leaves_the_files_of_t5x(finished_run):
    names = {path.name for path in finished_run.iterdir()}
    assert {"config.gin", "operative_config.gin", "model-info.txt", "run.json", "train", "training_eval"} <= names
    assert {"inference_eval", "checkpoint_0", "checkpoint_2", "checkpoint_4"} <= names
    tasks = {"toy_say", "toy_sing", "toy_mixture"}
    assert {path.name for path in (finished_run / "training_eval").iterdir()} == tasks
    for folder in (finished_run / "train", *(finished_run / "training_eval").iterdir()):
        assert list(folder.glob("events.out.tfevents.*")), folder
    assert "token_embedder/embedding" in (finished_run / "model-info.txt").read_text()
    assert "toy_mixture" in (finished_run / "config.gin").read_text()
    assert "T5Config" in (finished_run / "operative_config.gin").read_text()


def test_metrics_have_the_names_of_t5x(finished_run):
    train = [row for row in rows(finished_run / "train" / "metrics.jsonl") if "loss" in row]
    assert [row["step"] for row in train] == [1, 2, 3, 4]
    assert TRAIN_METRICS | {"learning_rate", "learning_rate/current"} <= train[-1].keys()
    evaluation = rows(finished_run / "training_eval" / "toy_say" / "metrics.jsonl")
    assert [row["step"] for row in evaluation] == [2, 4]
    assert evaluation[0].keys() >= TRAIN_METRICS


def test_results_of_generation_have_the_shape_of_t5x(finished_run, shared):
    golden = shared / "golden" / "t5x_outputs" / "inference_eval"
    ours = finished_run / "inference_eval"
    assert {path.name for path in ours.glob("*.jsonl")} == {
        f"toy_{task}-{end}.jsonl" for task in ("say", "sing") for end in ("000002", "000004", "metrics")
    }
    for our_task, their_task in (("toy_say", "toy"), ("toy_sing", "toy2")):
        assert [next(iter(row)) for row in rows(ours / f"{our_task}-metrics.jsonl")] == ["step", "step"]
        our_rows, their_rows = rows(ours / f"{our_task}-000004.jsonl"), rows(golden / f"{their_task}-000004.jsonl")
        assert len(our_rows) == 7
        assert list(our_rows[0]) == list(their_rows[0])
        assert list(our_rows[0]["input"]) == list(their_rows[0]["input"])
        assert list((ours / our_task).glob("events.out.tfevents.*"))


def test_the_same_command_again_changes_no_result(finished_run, t5x):
    def results():
        return {path.relative_to(finished_run): losses_of(path) for path in finished_run.rglob("*.jsonl")}

    def losses_of(path):
        return [row for row in rows(path) if "config" not in row]  # every start notes its config

    before = results()
    status, log = t5x(train_flags(finished_run))
    assert status == 0, log
    assert "resumed from" in log
    assert results() == before
