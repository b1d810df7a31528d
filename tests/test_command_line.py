"""The command line in real processes: exit codes, one-paragraph errors, help without slow imports."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from t5x import main

HERE = pathlib.Path(__file__).resolve().parent
SLOW_MODULES = ("tensorflow", "jax", "gin", "seqio", "numpy", "absl")

# `t5x` with one more command, `toy`, that runs the toy program of tests/config.
TOY_COMMAND = """
import sys
from t5x import main
from t5x.config.gin_command import GinCommand
main.COMMANDS["toy"] = GinCommand(
    name="toy", summary="", module="toy_program", function="train", output_parameter="model_dir",
    run_files=("gin/runs/finetune.gin",),
)
sys.exit(main.main())
"""

SPLIT = "--gin.train/toy_program.DatasetConfig.split"

# TensorFlow takes five seconds to import, and the toy program reads no data; one test imports the real one.
WITHOUT_TENSORFLOW = """
import sys, types
sys.modules["tensorflow"] = types.SimpleNamespace(config=types.SimpleNamespace(set_visible_devices=lambda *_: None))
"""

TOY_GIN = """
from __gin__ import dynamic_registration
import __main__ as train_script
import toy_program
from t5x import gin_utils

MODEL_DIR = %gin.REQUIRED
train_script.train.model = @toy_program.Model()
train_script.train.model_dir = %MODEL_DIR
train_script.train.train_cfg = @train/toy_program.DatasetConfig()
train_script.train.summarize_config_fn = @gin_utils.summarize_gin_config
train/toy_program.DatasetConfig.split = 'train'
"""


def run(
    command: list[str], cwd: pathlib.Path | None = None, code: str = "", **more: str
) -> subprocess.CompletedProcess:
    """Runs `python -m t5x.main` (or Python code) with these arguments."""
    program = ["-c", code] if code else ["-m", "t5x.main"]
    paths = os.pathsep.join([str(HERE.parent), str(HERE / "config")])
    return subprocess.run(
        [sys.executable, *program, *command],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": paths, "JAX_PLATFORMS": "cpu", "JAX_ENABLE_COMPILATION_CACHE": "0"} | more,
        capture_output=True,
        text=True,
    )


def one_paragraph(result: subprocess.CompletedProcess) -> str:
    """Returns the last line of stderr, having checked that it is an error in one paragraph with exit code 2."""
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    last = result.stderr.rstrip("\n").splitlines()[-1]
    assert last.startswith("error: ")
    return last


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["train", "--help"],
        ["eval", "--help"],
        [
            "train",
            "--gin_file=gin/models/byt5/small.gin",
            "--gin_file=gin/runs/finetune.gin",
            "--gin.STEPS=3",
            "--help",
        ],
        ["--version"],
    ],
)
def test_help_imports_nothing_slow(arguments):
    code = (
        "import sys\nfrom t5x.main import main\nstatus = main()\n"
        f"print('imported', [name for name in {SLOW_MODULES} if name in sys.modules])\nsys.exit(status)"
    )
    result = run(arguments, code=code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.rstrip().endswith("imported []")


def test_help_lists_the_macros_that_each_run_file_requires(capsys):
    assert main.main(["--help"]) == 0
    text = capsys.readouterr().out
    for name in ("gin/runs/pretrain.gin", "gin/runs/finetune.gin", "gin/runs/eval.gin", "INITIAL_CHECKPOINT_PATH"):
        assert name in text


def test_help_for_given_files_lists_what_they_still_require(capsys):
    files = ["--gin_file=gin/models/byt5/small.gin", "--gin_file=gin/runs/finetune.gin"]
    assert main.main(["train", *files, "--gin.MODEL_DIR=/x", "--help"]) == 0
    text = capsys.readouterr().out
    still, given = text.split("macros still required by")[1].split("macros with a value")
    assert "TRAIN_STEPS" in still
    assert "MODEL_DIR" not in still
    assert "BATCH_SIZE" in given


def test_help_lists_every_flag_of_t5x(capsys):
    main.main(["train", "--help"])
    text = capsys.readouterr().out
    flags = (
        "--gin_file --gin_bindings --gin_search_paths --tfds_data_dir --seqio_additional_cache_dirs --dry_run"
        " --multiprocess_gpu --coordinator_address --process_count --process_index --initialization_timeout --jax_NAME"
    )
    for flag in flags.split():
        assert flag in text


def test_a_reader_that_stops_early_is_no_error():
    with subprocess.Popen(
        [sys.executable, "-m", "t5x.main", "--help"], cwd=HERE.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["trian"], "Did you mean 'train'"),
        (["train"], "needs a config: --gin_file=FILE"),
        (["train", "--gin_fil=x"], "unknown flag '--gin_fil'. Did you mean '--gin_file'"),
        (["train", "stray"], "unknown argument 'stray'"),
        (["train", "--gin_file=gin/runs/finetun.gin"], "Did you mean 'finetune.gin'"),
        (["train", "--gin_file=gin/runs/finetune.gin"], "6 required values open: MODEL_DIR"),
        (["eval", "--gin_file=gin/runs/eval.gin"], "4 required values open: MIXTURE_OR_TASK_NAME"),
        (["--run_mode=eval", "--gin_file=gin/runs/eval.gin"], "CHECKPOINT_PATH"),
        (["train", "--gin.X", "3"], "'--gin.X' is no gin binding"),
        (["train", "--gin_file=gin/runs/finetune.gin", "--process_index=one"], "invalid int value"),
    ],
)
def test_a_mistake_in_the_arguments_gives_one_paragraph_and_code_2(arguments, part, capsys):
    assert main.main(arguments) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert part in message


def test_missing_macros_are_reported_before_any_slow_import(tmp_path):
    result = run(["train", "--gin_file=gin/runs/finetune.gin"], cwd=tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert result.returncode == 2
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "argparse" in imported  # the listing is there
    assert not imported & {"tensorflow", "jax", "gin"}


@pytest.fixture(scope="module")
def toy_files(tmp_path_factory):
    """A folder with the toy program's config."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "toy.gin").write_text(TOY_GIN)
    return folder


def toy(toy_files: pathlib.Path, *arguments: str, code: str = WITHOUT_TENSORFLOW) -> subprocess.CompletedProcess:
    """Runs the toy command from the folder of its config."""
    return run(["toy", *arguments], cwd=toy_files, code=code + TOY_COMMAND)


def test_a_run_uses_the_flags_warns_of_bindings_without_effect_and_saves_its_config(toy_files):
    model_dir = toy_files / "run 1"
    result = toy(
        toy_files,
        "--gin_file=toy.gin",
        f"--gin.MODEL_DIR={model_dir}",
        "--gin.toy_program.Model.predict.num_decodes=4",
        "--gin.trian/toy_program.DatasetConfig.seed=3",
        "--gin.MODEL_DIRS=/y",
        code="",
    )
    assert result.returncode == 0, result.stderr
    assert "decodes 4" in result.stdout
    assert "gpus visible to tensorflow: []" in result.stdout
    assert "nothing uses trian/toy_program.DatasetConfig.seed" in result.stderr
    assert "nothing uses MODEL_DIRS. Did you mean 'MODEL_DIR'" in result.stderr
    assert f"MODEL_DIR = '{model_dir}'" in (model_dir / "config.gin").read_text()
    assert "toy_program.Model.z_loss = 0.0" in (model_dir / "operative_config.gin").read_text()
    # TensorFlow's loading messages are held back; nothing but the warning is on stderr.
    assert len(result.stderr.splitlines()) == 3, result.stderr


def test_a_dry_run_prints_the_config_and_writes_nothing(toy_files):
    model_dir = toy_files / "dry"
    result = toy(toy_files, "--gin_file=toy.gin", f"--gin.MODEL_DIR={model_dir}", "--dry_run")
    assert result.returncode == 0, result.stderr
    assert f"MODEL_DIR = '{model_dir}'" in result.stdout
    assert "decodes" not in result.stdout
    assert not model_dir.exists()


def test_a_user_error_inside_the_run_is_one_paragraph_without_gins_additions(toy_files):
    result = toy(toy_files, "--gin_file=toy.gin", "--gin.MODEL_DIR=/x", f"{SPLIT}=absent")
    assert one_paragraph(result) == "error: There is no split 'absent'. It was expected to be 'train'."


def test_a_value_that_only_the_middle_of_the_run_demands_is_one_paragraph_too(toy_files):
    evaluator = "--gin.train_script.train.evaluator_cls=@toy_program.Evaluator"
    result = toy(toy_files, "--gin_file=toy.gin", "--gin.MODEL_DIR=/x", f"{SPLIT}=late", evaluator)
    assert "['num_examples']. Set each with --gin." in one_paragraph(result)


def test_an_interrupt_is_calm(toy_files):
    result = toy(toy_files, "--gin_file=toy.gin", "--gin.MODEL_DIR=/x", f"{SPLIT}=interrupt")
    assert result.returncode == 130
    assert result.stderr.splitlines()[-1] == "interrupted"
    assert "Traceback" not in result.stderr


def test_a_defect_keeps_its_traceback(toy_files):
    result = toy(toy_files, "--gin_file=toy.gin", "--gin.MODEL_DIR=/x", f"{SPLIT}=defect")
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert "ZeroDivisionError: a defect of the program" in result.stderr


def test_a_config_that_binds_another_program_is_refused(toy_files):
    (toy_files / "other.gin").write_text("A = 1\n")
    assert "No gin file binds toy_program.train" in one_paragraph(toy(toy_files, "--gin_file=other.gin"))


SECOND_COPY = """
import sys
from t5x import main
from t5x.config.gin_command import GinCommand

def train(*, steps: int = 1) -> None:
    print("steps", steps, "of", train.__module__)

if __name__ == "__main__":
    main.COMMANDS["toy"] = GinCommand(
        name="toy", summary="", module="second_copy", function="train", output_parameter="model_dir", run_files=(),
    )
    main.run_module("toy")
"""


def test_python_dash_m_binds_the_imported_module_and_not_its_second_copy(tmp_path):
    (tmp_path / "second_copy.py").write_text(WITHOUT_TENSORFLOW + SECOND_COPY)
    (tmp_path / "a.gin").write_text(
        "from __gin__ import dynamic_registration\nimport __main__ as train_script\ntrain_script.train.steps = 5\n"
    )
    environment = os.environ | {"PYTHONPATH": str(HERE.parent), "JAX_PLATFORMS": "cpu"}
    result = subprocess.run(
        [sys.executable, "-m", "second_copy", "--gin_file=a.gin"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stdout.strip()) == (0, "steps 5 of second_copy"), result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("program", [["-m", "t5x.train"], ["-m", "t5x.main", "train"]])
def test_both_ways_to_start_training_resolve_a_published_style_config(tmp_path, program):
    (tmp_path / "published.gin").write_text(
        "from __gin__ import dynamic_registration\nimport __main__ as train_script\nfrom t5x import utils\n"
        "include 't5x/examples/t5/byt5/small.gin'\ninclude 't5x/configs/runs/finetune.gin'\n"
        "MIXTURE_OR_TASK_NAME = 'my_task'\nTASK_FEATURE_LENGTHS = {'inputs': 8, 'targets': 8}\n"
        "INITIAL_CHECKPOINT_PATH = '/x/checkpoint_1'\nDROPOUT_RATE = 0.2\nTRAIN_STEPS = 1_020\n"
    )
    flags = [
        "--gin_file=published.gin",
        "--gin.MODEL_DIR=run",
        "--gin.models.EncoderDecoderModel.predict_batch_with_aux.num_decodes=4",
        "--dry_run",
    ]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent), "JAX_PLATFORMS": "cpu"}
    result = subprocess.run(
        [sys.executable, *program, *flags], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    for line in ("train_script.train.total_steps = %TRAIN_STEPS", "TRAIN_STEPS = 1020", "MODEL_DIR = 'run'"):
        assert line in result.stdout
    assert "without effect" not in result.stderr
