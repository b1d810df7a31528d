"""The project's own gin files: what they promise in their heads, the published sizes, and no traps."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

from t5x.config.gin_files import project_gin_folder
from t5x.config.gin_text import scan_files
from t5x.config.required_macros import macro_table, required_in_text

FOLDER = project_gin_folder()
NETWORKS = sorted((FOLDER / "networks").rglob("*.gin"))
MODELS = sorted((FOLDER / "models").rglob("*.gin"))
RUNS = sorted((FOLDER / "runs").rglob("*.gin"))

# Embedding, heads, encoder layers, decoder layers, head width, MLP: the published sizes of the four families.
T5_1_1 = {
    "tiny": (8, 4, 2, 2, 3, 16),
    "small": (512, 6, 8, 8, 64, 1024),
    "base": (768, 12, 12, 12, 64, 2048),
    "large": (1024, 16, 24, 24, 64, 2816),
    "xl": (2048, 32, 24, 24, 64, 5120),
    "xxl": (4096, 64, 24, 24, 64, 10240),
}
SIZES = {
    "t5_1_0": {
        "tiny": (8, 4, 2, 2, 3, 16),
        "small": (512, 8, 6, 6, 64, 2048),
        "base": (768, 12, 12, 12, 64, 3072),
        "large": (1024, 16, 24, 24, 64, 4096),
        "3B": (1024, 32, 24, 24, 128, 16384),
        "11B": (1024, 128, 24, 24, 128, 65536),
    },
    "t5_1_1": T5_1_1,
    "mt5": T5_1_1,
    "byt5": {
        "tiny": (8, 4, 2, 2, 3, 16),
        "small": (1472, 6, 12, 4, 64, 3584),
        "base": (1536, 12, 18, 6, 64, 3968),
        "large": (1536, 16, 36, 12, 64, 3840),
        "xl": (2560, 32, 36, 12, 64, 6720),
        "xxl": (4672, 64, 36, 12, 64, 12352),
    },
}
DIMENSIONS = ("emb_dim", "num_heads", "num_encoder_layers", "num_decoder_layers", "head_dim", "mlp_dim")


def bound(file: pathlib.Path) -> dict[str, str]:
    """Returns the last value of every key, as text, includes followed."""
    return {item.key: item.value for item in scan_files([str(file)], [])}


def short(file: pathlib.Path) -> str:
    """Returns the file's path within gin/, for test names."""
    return str(file.relative_to(FOLDER))


@pytest.mark.parametrize("file", NETWORKS + MODELS + RUNS, ids=short)
def test_every_file_is_headed_by_what_it_requires_and_a_command_with_what_to_expect(file):
    head = file.read_text().split("from __gin__")[0].split("\ninclude")[0]
    assert "Requires" in head
    assert "--gin_file=gin/" in head or "not meant to stand alone" in head
    assert "# Expect: " in head or "not meant to stand alone" in head


@pytest.mark.parametrize("family", SIZES)
def test_the_sizes_of_a_family_are_the_published_ones(family):
    files = {file.stem: bound(file) for file in (FOLDER / "networks" / family).glob("*.gin")}
    found = {
        name: tuple(int(values[f"network.T5Config.{key}"]) for key in DIMENSIONS) for name, values in files.items()
    }
    assert found == SIZES[family]
    assert sorted(files) == sorted(file.stem for file in (FOLDER / "models" / family).glob("*.gin"))


@pytest.mark.parametrize(
    ("family", "vocabulary", "activations", "tied"),
    [
        ("t5_1_0", "32128", "('relu',)", "True"),
        ("t5_1_1", "32128", "('gelu', 'linear')", "False"),
        ("mt5", "250112", "('gelu', 'linear')", "False"),
        ("byt5", "384", "('gelu', 'linear')", "False"),
    ],
)
def test_what_a_family_shares_holds_for_all_its_sizes(family, vocabulary, activations, tied):
    for file in (FOLDER / "networks" / family).glob("*.gin"):
        values = bound(file)
        assert values["network.T5Config.vocab_size"] == vocabulary
        assert values["network.T5Config.mlp_activations"].replace(", )", ",)") == activations
        assert values["network.T5Config.logits_via_embedding"] == tied


@pytest.mark.parametrize("family", SIZES)
def test_a_model_has_the_network_of_its_own_name(family):
    for file in (FOLDER / "models" / family).glob("*.gin"):
        values = bound(file)
        assert tuple(int(values[f"network.T5Config.{key}"]) for key in DIMENSIONS) == SIZES[family][file.stem]


@pytest.mark.parametrize("file", NETWORKS, ids=short)
def test_a_network_file_needs_no_macro(file):
    assert required_in_text(scan_files([str(file)], [])) == {}


@pytest.mark.parametrize("family", SIZES)
def test_model_and_run_file_may_come_in_either_order(family):
    files = [str(FOLDER / "models" / family / "small.gin"), str(FOLDER / "runs/finetune.gin")]
    first, second = (required_in_text(scan_files(order, [])) for order in (files, files[::-1]))
    assert first.keys() == second.keys()
    assert "DROPOUT_RATE" not in first
    assert "MODEL" not in first


@pytest.mark.parametrize(
    ("file", "required", "defaulted"),
    [
        (
            "pretrain",
            "MODEL_DIR MIXTURE_OR_TASK_NAME TASK_FEATURE_LENGTHS TRAIN_STEPS MODEL",
            "BATCH_SIZE USE_CACHED_TASKS SHUFFLE_TRAIN_EXAMPLES USE_HARDWARE_RNG RANDOM_SEED TRAIN_STEPS_RELATIVE"
            " MIXTURE_OR_TASK_MODULE",
        ),
        (
            "finetune",
            "MODEL_DIR MIXTURE_OR_TASK_NAME TASK_FEATURE_LENGTHS TRAIN_STEPS INITIAL_CHECKPOINT_PATH MODEL",
            "DROPOUT_RATE USE_CACHED_TASKS BATCH_SIZE EVAL_STEPS EVAL_PERIOD EVALUATOR_USE_MEMORY_CACHE"
            " EVALUATOR_NUM_EXAMPLES JSON_WRITE_N_RESULTS USE_HARDWARE_RNG RANDOM_SEED TRAIN_STEPS_RELATIVE"
            " MIXTURE_OR_TASK_MODULE",
        ),
        (
            "eval",
            "MIXTURE_OR_TASK_NAME CHECKPOINT_PATH EVAL_OUTPUT_DIR MODEL",
            "TASK_FEATURE_LENGTHS MIXTURE_OR_TASK_MODULE DROPOUT_RATE",
        ),
        (
            "infer",
            "MIXTURE_OR_TASK_NAME TASK_FEATURE_LENGTHS CHECKPOINT_PATH INFER_OUTPUT_DIR MODEL",
            "MIXTURE_OR_TASK_MODULE DROPOUT_RATE",
        ),
    ],
)
def test_a_run_file_has_the_macros_of_t5x(file, required, defaulted):
    statements = scan_files([f"gin/runs/{file}.gin"], [])
    assert set(required_in_text(statements)) == set(required.split())
    # Ours: T5X writes metrics only at evaluations and checkpoints, a handful of points for a curve.
    added = {"STATS_PERIOD"} if file in ("pretrain", "finetune") else set()
    assert set(macro_table(statements)) == set(f"{required} {defaulted}".split()) - {"MODEL"} | added


NETWORK_ALONE = """
import sys
import gin
from t5x.config.parse import parse_gin_flags
from t5x.examples.t5 import network
for file in sys.argv[1:]:
    parse_gin_flags([], [file], [])
    config = gin.get_configurable(network.Transformer)().config
    assert config.vocab_size in (384, 32128, 250112), config
    gin.clear_config()
print(sorted({name.split(".")[0] for name in sys.modules} & {"tensorflow", "seqio", "clu"}))
"""


def test_networks_parse_and_build_without_tensorflow(tmp_path, root):
    result = subprocess.run(
        [sys.executable, "-c", NETWORK_ALONE, *map(str, NETWORKS)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert result.stdout.strip() == "[]", result.stderr


ALL_TOGETHER = """
import importlib
import json
import sys
import gin
from t5x.config.parse import parse_gin_flags
from t5x.config.required_macros import check_parameters, required_in_text
from t5x.config.gin_text import scan_files
from t5x.config.reachability import reachable, used_keys

VALUES = {"TASK_FEATURE_LENGTHS": "{'inputs': 8, 'targets': 8}", "TRAIN_STEPS": "3"}
NAMES = {
    "pretrain": ("t5x.train", "train"),
    "finetune": ("t5x.train", "train"),
    "eval": ("t5x.eval", "evaluate"),
    "infer": ("t5x.infer", "infer"),
}
problems = []
for model, run in json.loads(sys.argv[1]):
    module, name = NAMES[run]
    entry = getattr(importlib.import_module(module), name)
    setattr(sys.modules["__main__"], name, entry)
    files = [model, f"gin/runs/{run}.gin"]
    flags = [f"{macro} = {VALUES.get(macro, repr('x'))}" for macro in required_in_text(scan_files(files, []))]
    flags += ["DROPOUT_RATE = 0.0"]
    try:
        statements = parse_gin_flags([], files, flags)
        check_parameters(entry, statements)
        # As if a user had written the files: a binding without effect in them would be a slip of ours.
        problems += [f"{model} {run}: {key}" for key in gin.config._CONFIG.keys() - used_keys(reachable(entry))]
    except Exception as error:
        problems.append(f"{model} {run}: {error}")
    gin.clear_config()
print(json.dumps(problems))
"""


def test_every_model_works_with_every_run_and_no_binding_is_without_effect(tmp_path, root):
    models = [f"gin/models/{family}/{size}.gin" for family in SIZES for size in SIZES[family]]
    pairs = [(model, run.stem) for model in models for run in RUNS]
    result = subprocess.run(
        [sys.executable, "-c", ALL_TOGETHER, json.dumps(pairs)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert json.loads(result.stdout.splitlines()[-1]) == []
