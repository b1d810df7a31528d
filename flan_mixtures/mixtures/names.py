"""The public names of the Flan Collection's mixtures, and what each stands for.

    {flan,t0,cot,dialog,niv2}_{zsopt,fsopt}, {flan,t0}_{zsnoopt,fsnoopt}     one submixture in one style
    {flan2021,t0,niv2,cot,dialog}_submix                                     one submixture in the styles of a preset
    flan2022_submix, flan2022_submix_paper_a, flan2022_submix_paper_b        all of them, by the weights of a preset
    flan2021_inter_cluster_<cluster>_{train,held_out}                        all clusters but one, and that one
    flan2021_intra_cluster_<i>_{train,held_out}                              one task of every cluster held out
    <task>_<style>, such as rte_zsopt; <own>_submix                          one task; a submixture of the user's own
    <preset>                                                                 a preset of the user's own
The names of the first three groups are the Flan Collection's; its hold-outs have other names in its first version.
Effects: looks into the data folder for names that are not its own.
"""

from __future__ import annotations

import dataclasses
import functools

from flan_mixtures.catalogue import catalogue, niv2
from flan_mixtures.mixtures.hold_out import INTRA_CLUSTER_SPLITS, clusters, inter_cluster, intra_cluster
from flan_mixtures.mixtures.presets import Preset, SubmixtureShare, presets, read_presets
from t5x.errors import UserError, nearest

PUBLIC = "public"
# Submixture -> what its mixtures' names begin with, and in which styles the Flan Collection names it alone.
_SUBMIXTURES = {
    "flan2021": ("flan", ("zsopt", "fsopt", "zsnoopt", "fsnoopt")),
    "t0": ("t0", ("zsopt", "fsopt", "zsnoopt", "fsnoopt")),
    "niv2": ("niv2", ("zsopt", "fsopt")),
    "cot": ("cot", ("zsopt", "fsopt")),
    "dialog": ("dialog", ("zsopt", "fsopt")),
}
# What a submixture of the user's own has: no cap, half of its prompts few-shot.
_OWN_SHARE = SubmixtureShare(1.0, None, {"zsopt": 1.0, "fsopt": 1.0})


@dataclasses.dataclass(frozen=True)
class Definition:
    """What a name stands for.

    Attributes:
      name: the mixture.
      preset: the weights of its submixtures and their styles.
      tasks: the only tasks it may have; None for all.
    """

    name: str
    preset: Preset
    tasks: frozenset[str] | None = None


def names() -> tuple[str, ...]:
    """Returns the name of every mixture."""
    return tuple(_definitions())


def task_names() -> tuple[str, ...]:
    """Returns the name of every task that the package declares in each of its styles, but for those of NIv2."""
    return tuple(
        f"{task}_{style}"
        for submixture, (_, styles) in _SUBMIXTURES.items()
        if submixture != niv2.SUBMIXTURE
        for task in catalogue.packaged(submixture)
        for style in styles
    )


def definition(name: str) -> Definition:
    """Returns what a name stands for: a mixture, a submixture of the user's own, or a task and a style.

    Raises UserError for an unknown name, with the nearest.
    """
    if name in _definitions():
        return _definitions()[name]
    own = catalogue.own_presets_file()
    if own and name in (found := read_presets(own)):
        return Definition(name, found[name])
    rest, _, ending = name.rpartition("_")
    if ending == "submix" and rest in catalogue.submixtures():
        return _only(name, rest, _OWN_SHARE)
    if ending in catalogue.style_names():
        declaration = catalogue.find(rest)
        if declaration:
            share = _definitions()["flan2022_submix"].preset.submixtures.get(declaration.submixture, _OWN_SHARE)
            return dataclasses.replace(_only(name, declaration.submixture, share, ending), tasks=frozenset((rest,)))
    raise UserError(
        f"There is no mixture {name!r}.{nearest(name, names())} `flan-mixtures list` shows all of them. One task alone "
        "is its name and a style, such as rte_zsopt."
    )


@functools.cache
def _definitions() -> dict[str, Definition]:
    found: list[Definition] = []
    public = presets()[PUBLIC]
    for submixture, (prefix, styles) in _SUBMIXTURES.items():
        share = public.submixtures[submixture]
        found.extend(_only(f"{prefix}_{style}", submixture, share, style) for style in styles)
        found.append(_only(f"{submixture}_submix", submixture, share))
    found.append(Definition("flan2022_submix", public))
    found.extend(Definition(f"flan2022_submix_{name}", each) for name, each in presets().items() if name != PUBLIC)
    flan = _only("", "flan2021", public.submixtures["flan2021"]).preset
    splits = {f"inter_cluster_{cluster}": inter_cluster(cluster) for cluster in clusters()}
    splits |= {f"intra_cluster_{index}": intra_cluster(index) for index in range(INTRA_CLUSTER_SPLITS)}
    for name, split in splits.items():
        found.append(Definition(f"flan2021_{name}_train", flan, frozenset(split.train)))
        found.append(Definition(f"flan2021_{name}_held_out", flan, frozenset(split.held_out)))
    return {each.name: each for each in found}


def _only(name: str, submixture: str, share: SubmixtureShare, style: str | None = None) -> Definition:
    """Returns a mixture of one submixture, in one style or in those of its share."""
    if style:
        share = dataclasses.replace(share, styles={style: 1.0})
    share = dataclasses.replace(share, weight=1.0)
    return Definition(name, Preset(PUBLIC, presets()[PUBLIC].source, {submixture: share}))
