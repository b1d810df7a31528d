"""Every task there is: those that come with the package, those that lie in the data folder, and the user's own.

The user's own are declarations `<data folder>/tasks/<submixture>/<task>.toml`, with template files in
`<data folder>/templates/`, styles in `<data folder>/styles.toml` and mixing presets in `<data folder>/presets.toml`.
A task, a family or a style with a name of ours takes its place.
Effects: lists folders below the data folder, where one is set.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping

from flan_mixtures.catalogue import niv2, t0
from flan_mixtures.catalogue.declaration import SUBMIXTURES, Declaration, declarations, parse
from flan_mixtures.rendering.style import StyleDistribution, read_styles, style_distribution
from flan_mixtures.rendering.style import style_names as packaged_style_names
from flan_mixtures.rendering.template import Family, family, family_names, read_family
from flan_mixtures.sources import data_root
from flan_mixtures.sources.text_file import read_text
from t5x.errors import UserError, nearest

_TASKS = "tasks"
_TEMPLATES = "templates"
_STYLES = "styles.toml"
_PRESETS = "presets.toml"


def submixtures() -> tuple[str, ...]:
    """Returns the names of the submixtures: the Flan Collection's five, then the user's own."""
    own = _own_folder(_TASKS)
    names = sorted(entry.name for entry in own.iterdir() if entry.is_dir()) if own else []
    return (*SUBMIXTURES, *(name for name in names if name not in SUBMIXTURES))


def tasks(submixture: str) -> dict[str, Declaration]:
    """Returns the declarations of a submixture, by task name. Raises UserError for an unknown submixture."""
    if submixture not in submixtures():
        raise UserError(
            f"There is no submixture {submixture!r}.{nearest(submixture, submixtures())} They are "
            f"{', '.join(submixtures())}, and the folders in {_TASKS}/ of the data folder."
        )
    found = packaged(submixture)
    if submixture == t0.SUBMIXTURE:
        found = {**found, **_discovered(t0.discovered)}
    elif submixture == niv2.SUBMIXTURE:
        found = {**found, **_discovered(niv2.discovered)}
    return {**found, **_own(submixture)}


def packaged(submixture: str) -> dict[str, Declaration]:
    """Returns the declarations that come with the package; none for a submixture of the user's own."""
    if submixture == t0.SUBMIXTURE:
        return t0.declarations()
    return niv2.declarations() if submixture == niv2.SUBMIXTURE else declarations(submixture)


def find(name: str) -> Declaration | None:
    """Returns the declaration of a task of any submixture, or None. Raises UserError where there are two."""
    found = next((found[name] for each in submixtures() if name in (found := tasks(each))), None)
    if found:
        _check_only(found)
    return found


def task(name: str) -> Declaration:
    """Returns the declaration of a task of any submixture. Raises UserError for an unknown name, with the nearest."""
    declaration = find(name)
    if declaration is None:
        known = [task for submixture in submixtures() for task in tasks(submixture)]
        raise UserError(
            f"There is no task {name!r}.{nearest(name, known)} `flan-mixtures list --tasks` shows all of them."
        )
    return declaration


def template_names() -> tuple[str, ...]:
    """Returns the names of the template families: the package's and the user's own, sorted."""
    own = _own_folder(_TEMPLATES)
    return tuple(sorted({*family_names(), *(path.stem for path in own.glob("*.toml"))} if own else family_names()))


def templates(name: str) -> Family:
    """Returns a template family, the user's own before the package's. Raises UserError for an unknown one."""
    own = _own_folder(_TEMPLATES)
    if own and (own / f"{name}.toml").is_file():
        return read_family(own / f"{name}.toml")
    if own and name not in family_names():
        raise UserError(
            f"There is no template family {name!r}.{nearest(name, template_names())} "
            f"Write {_TEMPLATES}/{name}.toml in the data folder."
        )
    return family(name)


def style(name: str) -> StyleDistribution:
    """Returns a style, the user's own before the package's. Raises UserError for an unknown one."""
    return _own_styles().get(name) or style_distribution(name)


def style_names() -> tuple[str, ...]:
    """Returns the names of the package's styles, then the user's own."""
    packaged_names = packaged_style_names()
    return (*packaged_names, *(name for name in _own_styles() if name not in packaged_names))


def own_presets_file() -> pathlib.Path | None:
    """Returns where the user's own mixing presets are, or None where there are none."""
    return _own_path(_PRESETS)


def _own_styles() -> dict[str, StyleDistribution]:
    path = _own_path(_STYLES)
    return read_styles(path) if path else {}


def _check_only(found: Declaration) -> None:
    """Raises UserError where a file of the user's own declares a task of that name in another submixture."""
    folder = _own_folder(_TASKS)
    for path in sorted(folder.glob("*/*.toml")) if folder else ():
        if path.stem == found.task and path.parent.name != found.submixture:
            raise UserError(
                f"The task {found.task!r} is in the submixture {found.submixture!r} and, by {str(path)!r}, in "
                f"{path.parent.name!r} too: a name means one task. Give that file another name; to replace a task, put "
                "the file into the folder of the submixture that has it."
            )


def _own(submixture: str) -> dict[str, Declaration]:
    folder = _own_folder(_TASKS)
    files = sorted((folder / submixture).glob("*.toml")) if folder else []
    return {path.stem: _read(path, submixture) for path in files}


def _read(path: pathlib.Path, submixture: str) -> Declaration:
    text = read_text(path)
    try:
        return parse(path.stem, submixture, text)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _own_folder(name: str) -> pathlib.Path | None:
    folder = _own_path(name)
    return folder if folder and folder.is_dir() else None


def _own_path(name: str) -> pathlib.Path | None:
    try:
        path = data_root.directory() / name
    except UserError:
        if os.environ.get(data_root.ENVIRONMENT_VARIABLE):
            raise
        return None  # no data folder is set, so nothing lies in it
    return path if path.exists() else None


def _discovered(discover: Callable[[], Mapping[str, Declaration]]) -> Mapping[str, Declaration]:
    """Returns what lies in the data folder beside what is declared; nothing where there is no such folder."""
    try:
        return discover()
    except UserError:
        return {}
