"""Rules that hold for every file: it parses and imports, doors only alias, jax-only rooms stay free of TensorFlow.

Files that no machine opens stop parsing; a rule that no test enforces is a wish.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ("t5x", "flan_mixtures", "prompt_tuning")

# T5X's drawers: here short files of aliases, for the outside only.
DOORS = frozenset(
    f"t5x.{name}" for name in ("utils", "models", "partitioning", "optimizers", "decoding", "checkpoints", "gin_utils")
)

# Rooms that must run on a machine without TensorFlow. A name stands for itself and everything below it.
JAX_ONLY = (
    "t5x.actions",
    "t5x.adafactor",
    "t5x.benchmark",
    "t5x.ckpt",
    "t5x.decode",
    "t5x.errors",
    "t5x.examples",
    "t5x.losses",
    "t5x.metrics",
    "t5x.microbatch",
    "t5x.model",
    "t5x.optim",
    "t5x.projected_loss",
    "t5x.report",
    "t5x.shard",
    "t5x.train_state",
    "t5x.train_step",
    "t5x.trainer",
)
HEAVY = ("tensorflow", "tensorflow_text", "tensorflow_datasets", "seqio", "clu")
# Where a function, when called, may bring TensorFlow in.
MAY_IMPORT_LAZILY = (
    "t5x.ckpt",  # the dataset part of a checkpoint is tf.data's
    "t5x.model.interface",  # a model's default feature converter is seqio's class
    "t5x.report.metric_writer",  # TensorBoard event files
)


def _tracked_files() -> list[pathlib.Path]:
    """Returns the files git tracks or would track, so that build outputs and virtual environments are left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("needs a git checkout to know which files belong to the project")
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def _python_files() -> list[pathlib.Path]:
    return [path for path in _tracked_files() if path.suffix == ".py"]


def _modules() -> dict[str, ast.Module]:
    """Returns module name -> syntax tree of every module of the packages."""
    found = {}
    for path in _python_files():
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] in PACKAGES:
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def _within(module: str, rooms: tuple[str, ...]) -> bool:
    return any(module == room or module.startswith(room + ".") for room in rooms)


def _imported(tree: ast.AST, *, module_level_only: bool = False) -> set[str]:
    """Returns the absolute names a tree imports; `from a import b` gives `a` and `a.b`."""
    names: set[str] = set()
    for node in _running_nodes(tree, into_functions=not module_level_only):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _running_nodes(tree: ast.AST, *, into_functions: bool) -> Iterator[ast.AST]:
    """Yields the nodes below a tree that ever run: imports for type checkers only, under `if TYPE_CHECKING`, do not."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and not into_functions:
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            continue
        yield node
        yield from _running_nodes(node, into_functions=into_functions)


def _run(code: str, *arguments: str) -> str:
    """Runs code in a fresh interpreter in the checkout and returns what it printed; a failure shows its stderr."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


# Imported only by `t5x cache`, which first says what to install.
OF_THE_CACHE_EXTRA = {"t5x.cache.pipeline", "t5x.cache.write"}


def test_every_python_file_parses():
    files = _python_files()
    assert len(files) > 10
    for path in files:
        ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def test_every_module_imports():
    without_beam = importlib.util.find_spec("apache_beam") is None  # the extra `cache`, which few install
    names = sorted(set(_modules()) - (OF_THE_CACHE_EXTRA if without_beam else set()))
    code = (
        "import importlib, json, sys, traceback\n"
        "failed = {}\n"
        "for name in json.loads(sys.argv[1]):\n"
        "    try: importlib.import_module(name)\n"
        "    except BaseException: failed[name] = traceback.format_exc(limit=-2)\n"
        "print(json.dumps(failed))"
    )
    failed = json.loads(_run(code, json.dumps(names)))
    assert not failed, "\n".join(f"{name}:\n{trace}" for name, trace in failed.items())


def test_every_folder_with_code_is_a_package():
    folders = {path.parent for path in _python_files() if path.relative_to(ROOT).parts[0] in PACKAGES}
    bare = sorted(str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").exists())
    assert not bare, f"without __init__.py these are not installed: {bare}"


def test_every_module_says_what_it_is():
    silent = sorted(name for name, tree in _modules().items() if tree.body and not ast.get_docstring(tree))
    assert not silent, f"these modules have no docstring: {silent}"


def test_no_file_is_a_drawer():
    drawers = re.compile(r"(^|_)(utils?|helpers?|common|misc)$")
    found = sorted(name for name in _modules() if name not in DOORS and drawers.search(name.rpartition(".")[2]))
    assert not found, f"name these after the one concept they hold: {found}"


def test_doors_hold_only_imports_and_aliases():
    for door, tree in _modules().items():
        if door not in DOORS:
            continue
        for node in tree.body:
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            names = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            alias = isinstance(node, ast.Assign) and isinstance(node.value, (ast.Name, ast.Attribute))
            allowed = docstring or names or alias or isinstance(node, (ast.Import, ast.ImportFrom))
            # A wrapper in a door would lose, in silence, every gin binding made on the room's name.
            assert allowed, f"{door} line {node.lineno} holds code: {ast.unparse(node)[:80]}"


def test_code_inside_t5x_imports_rooms_not_doors():
    found = {
        name: sorted(doors)
        for name, tree in _modules().items()
        if name.startswith("t5x") and name not in DOORS and (doors := _imported(tree) & DOORS)
    }
    assert not found, f"import the rooms behind these doors instead: {found}"


def test_jax_only_rooms_name_no_heavy_library():
    for name, tree in _modules().items():
        if not _within(name, JAX_ONLY):
            continue
        imported = _imported(tree, module_level_only=_within(name, MAY_IMPORT_LAZILY))
        heavy = sorted(other for other in imported if _within(other, HEAVY))
        assert not heavy, f"{name} imports {heavy}"


def test_importing_all_jax_only_rooms_loads_no_tensorflow():
    names = sorted(name for name in _modules() if _within(name, JAX_ONLY))
    code = (
        "import importlib, json, sys\n"
        "for name in json.loads(sys.argv[1]): importlib.import_module(name)\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    loaded = json.loads(_run(code, json.dumps(names)))
    assert not [name for name in loaded if name in HEAVY]


def test_importing_t5x_alone_loads_no_other_library():
    code = (
        "import sys; before = set(sys.modules); import t5x\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    added = set(_run(code).split()) - set(sys.stdlib_module_names)
    assert added <= {"t5x"}


def test_flan_mixtures_never_imports_jax_and_of_t5x_only_its_error():
    forbidden = ("jax", "flax", "optax", "orbax", "t5x", "prompt_tuning")
    for name, tree in _modules().items():
        if name.startswith("flan_mixtures"):
            found = {other for other in _imported(tree) if _within(other, forbidden)}
            wrong = sorted(other for other in found if not _within(other, ("t5x.errors",)))
            assert not wrong, f"{name} imports {wrong}"


def test_t5x_knows_neither_flan_nor_prompts():
    for name, tree in _modules().items():
        if name.startswith("t5x"):
            wrong = sorted(o for o in _imported(tree) if _within(o, ("flan_mixtures", "prompt_tuning")))
            assert not wrong, f"{name} imports {wrong}"


def test_gin_folder_never_becomes_a_package():
    # Python started in the checkout would import it in place of the gin library.
    assert not list((ROOT / "gin").rglob("*.py"))


def test_no_file_names_a_path_of_one_machine_or_a_package_index():
    # Written in pieces, so that this file does not match itself.
    machine = "|".join(f"/{folder}/" for folder in ("work", "tmp", "root", "farm"))
    index = "|".join(("py" + r"pi\.org", "python" + "hosted", "registry" + r"\.npmjs"))
    pattern = re.compile(rf"(?<![\w.$}}/])(?:{machine})|{index}")
    found = []
    for path in _tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # binary: pictures, vocabularies
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in pattern.finditer(text)]
    assert not found, found


def test_no_golden_number_is_commented_out():
    dead = re.compile(
        r"^\s*#\s*(assert\b.*|np\.testing\.\w+\(|self\.assert\w+\(|expected\w* = |golden\w* = )", re.MULTILINE
    )
    for path in (ROOT / "tests").rglob("*.py"):
        found = [match[0].strip() for match in dead.finditer(path.read_text(encoding="utf-8"))]
        assert not found, f"{path.relative_to(ROOT)} has a test that is switched off: {found}"
