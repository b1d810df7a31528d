"""What a plain, an editable and a source install contain: gin files and data are found wherever the program starts."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = (
    "setup.py",
    "pyproject.toml",
    "MANIFEST.in",
    "LICENSE",
    "README.md",
    "t5x",
    "flan_mixtures",
    "prompt_tuning",
    "gin",
)


def _build(hook: str, source: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """Runs one hook of the build backend in a copy of the checkout, without network or build isolation."""
    code = f"from setuptools import build_meta; print(build_meta.{hook}({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return out / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A copy of the checkout's sources: building writes into the folder it builds."""
    copy = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel_names(source: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of a wheel that was built by way of the source archive, as an index would have it built."""
    out = tmp_path_factory.mktemp("dist")
    archive = _build("build_sdist", source, out)
    shutil.unpack_archive(archive, out)
    wheel = _build("build_wheel", out / archive.name.removesuffix(".tar.gz"), out)
    return set(zipfile.ZipFile(wheel).namelist())


def test_a_wheel_holds_every_gin_file(wheel_names):
    gin_files = [path.relative_to(ROOT / "gin").as_posix() for path in (ROOT / "gin").rglob("*.gin")]
    assert gin_files
    assert {f"t5x/_gin/{name}" for name in gin_files} <= wheel_names


def test_a_wheel_holds_every_file_of_the_packages(wheel_names):
    missing = []
    for package in ("t5x", "flan_mixtures", "prompt_tuning"):
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                name = path.relative_to(ROOT).as_posix()
                missing += [name] if name not in wheel_names else []
    assert not missing, f"add their kind to package_data in setup.py: {missing}"


def test_a_wheel_shadows_no_library(wheel_names):
    top = {name.partition("/")[0] for name in wheel_names}
    assert {name for name in top if not name.endswith(".dist-info")} <= {"t5x", "flan_mixtures", "prompt_tuning"}


def test_an_editable_install_reads_the_checkout(source, tmp_path):
    wheel = _build("build_editable", source, tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        links = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".pth")]
    assert [link.strip() for link in links] == [str(source)]


def test_constraints_lie_within_the_ranges_of_setup():
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    locked = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    locked = {canonicalize_name(name): version for name, version in locked.items()}
    for requirement in map(Requirement, _requirements()):
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier


def _requirements() -> list[str]:
    """Returns what `pip install '.[test]'` asks for, read from setup.py without running it."""
    import ast

    lists = {}
    for node in ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List):
            lists[ast.unparse(node.targets[0])] = ast.literal_eval(node.value)
    return lists["JAX_CORE"] + lists["DATA"] + lists["TEST"]
