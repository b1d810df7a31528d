"""Where gin files are found, from any working directory."""

from __future__ import annotations

import pytest

import gin
from t5x.config import gin_files
from t5x.config.gin_files import find_gin_file, gin_file_search, project_gin_folder
from t5x.config.parse import parse_gin_flags
from t5x.errors import UserError


def test_project_files_are_found_from_any_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_gin_file("gin/runs/finetune.gin", []) == str(project_gin_folder() / "runs/finetune.gin")


def test_a_search_path_comes_before_the_working_directory_and_that_before_the_project(tmp_path, monkeypatch):
    for folder in ("first", "cwd"):
        (tmp_path / folder / "gin/runs").mkdir(parents=True)
        (tmp_path / folder / "gin/runs/finetune.gin").write_text("")
    monkeypatch.chdir(tmp_path / "cwd")
    name = "gin/runs/finetune.gin"
    assert find_gin_file(name, [str(tmp_path / "first")]) == str(tmp_path / "first" / name)
    assert find_gin_file(name, []) == str(tmp_path / "cwd" / name)


@pytest.mark.parametrize(
    ("published", "ours"),
    [
        ("t5x/configs/runs/finetune.gin", "runs/finetune.gin"),
        ("t5x/examples/t5/t5_1_0/3B.gin", "models/t5_1_0/3B.gin"),
        ("t5x/examples/t5/t5_1_1/base.gin", "models/t5_1_1/base.gin"),
        ("t5x/examples/t5/mt5/xxl.gin", "models/mt5/xxl.gin"),
        ("t5x/examples/t5/byt5/small.gin", "models/byt5/small.gin"),
    ],
)
def test_include_paths_of_published_files_lead_to_ours(published, ours):
    assert find_gin_file(published, []) == str(project_gin_folder() / ours)


def test_a_t5x_checkout_among_the_search_paths_gives_its_own_files(tmp_path):
    file = tmp_path / "t5x/configs/runs/finetune.gin"
    file.parent.mkdir(parents=True)
    file.write_text("")
    assert find_gin_file("t5x/configs/runs/finetune.gin", [str(tmp_path)]) == str(file)


def test_an_installed_package_finds_the_files_inside_itself(tmp_path, monkeypatch):
    package = tmp_path / "site-packages/t5x"
    (package / "_gin/runs").mkdir(parents=True)
    (package / "_gin/runs/eval.gin").write_text("")
    (tmp_path / "site-packages/gin").mkdir()  # the gin library lies beside an installed package
    monkeypatch.setattr(gin_files, "PACKAGE", package)
    monkeypatch.chdir(tmp_path)
    assert find_gin_file("gin/runs/eval.gin", []) == str(package / "_gin/runs/eval.gin")


def test_a_missing_file_names_all_places_and_the_nearest_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        find_gin_file("t5x/configs/runs/finetun.gin", ["/absent"])
    message = str(caught.value)
    for place in (
        "/absent/t5x/configs",
        str(tmp_path),
        str(project_gin_folder() / "runs/finetun.gin"),
        "'finetune.gin'",
    ):
        assert place in message


@pytest.mark.slow
def test_a_remote_name_is_read_through_tensorflows_file_systems(tmp_path, clean_gin):
    (tmp_path / "a.gin").write_text(f"include 'file://{tmp_path}/b.gin'\n")
    (tmp_path / "b.gin").write_text("REMOTE = 3\n")
    parse_gin_flags([], [f"file://{tmp_path}/a.gin"], [])
    assert gin.query_parameter("REMOTE/macro.value") == 3
    with pytest.raises(UserError, match="no gin file 'file:///absent"):
        find_gin_file("file:///absent/a.gin", [])


def test_gin_reads_includes_through_the_search_and_is_left_as_it_was(tmp_path, monkeypatch, clean_gin):
    readers, prefixes = gin.config._FILE_READERS[:], gin.config._LOCATION_PREFIXES[:]
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/inner.gin").write_text("INNER = 3\n")
    (tmp_path / "outer.gin").write_text("include 'deep/inner.gin'\n")
    monkeypatch.chdir("/")
    with gin_file_search([str(tmp_path)]):
        gin.parse_config_file("outer.gin")
    assert gin.query_parameter("INNER/macro.value") == 3
    assert (readers, prefixes) == (gin.config._FILE_READERS, gin.config._LOCATION_PREFIXES)
