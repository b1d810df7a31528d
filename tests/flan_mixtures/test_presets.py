"""Named weights of submixtures."""

from __future__ import annotations

import pytest

from flan_mixtures.mixtures.presets import preset, read_presets, submixture_shares, task_shares
from flan_mixtures.mixtures.rates import Cap, Part
from t5x.errors import UserError

MINE = """
[mine]
source = "a test"
[mine.submixtures.cot]
weight = 3
cap = { level = "task", rows = 100 }
styles = { zsopt = 1, fsopt = 3 }
inversion = { all = 0.2, fsopt = 0.5 }
[mine.submixtures.extra]
weight = 1
styles = { zsnoopt = 1 }
"""
PARTS = {
    "cot": [Part("gsm8k", "gsm8k", 300), Part("qasc", "qasc", 50)],
    "extra": [Part("own", "own", 7)],
}


@pytest.fixture
def mine(tmp_path):
    """A preset file of the user's own."""
    path = tmp_path / "mine.toml"
    path.write_text(MINE, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "flan_and_dialog", "t0", "niv2", "cot"),
    [("public", 43, 32, 20, 5), ("paper_a", 52, 15, 30, 3), ("paper_b", 46, 27.9, 24.2, 1.8)],
)
def test_a_preset_weighs_submixtures_as_published(name, flan_and_dialog, t0, niv2, cot):
    share = {key: value.weight for key, value in preset(name).submixtures.items()}
    assert share["flan2021"] + share["dialog"] == pytest.approx(flan_and_dialog)
    assert share["flan2021"] / share["dialog"] == pytest.approx(40 / 3)
    assert (share["t0"], share["niv2"], share["cot"]) == (t0, niv2, cot)
    assert len(preset(name).source) > 50


def test_the_public_preset_has_the_public_caps_styles_and_inversions():
    public = preset("public").submixtures
    assert [(key, share.cap) for key, share in public.items()] == [
        ("flan2021", Cap("task", 30_000)),
        ("t0", Cap("prompt", 20_000)),
        ("niv2", Cap("task", 5_000)),
        ("cot", Cap("task", 100_000)),
        ("dialog", Cap("task", 200_000)),
    ]
    for name, styles in (("t0", ("zsopt", "fsopt", "zsnoopt", "fsnoopt")), ("niv2", ("zsopt", "fsopt"))):
        assert set(public[name].styles) == set(styles)
        assert len(set(public[name].styles.values())) == 1
        assert {public[name].inverted(style) for style in styles} == {0}
    cot = public["cot"].inverted("zsopt")
    assert cot / (1 - cot) == pytest.approx(0.3)
    assert public["flan2021"].inverted("fsnoopt") == pytest.approx(0.147)


def test_a_preset_of_the_users_own_loads_the_same_way(mine):
    loaded = preset("mine", mine)
    assert loaded.submixtures["extra"].cap is None
    cot = loaded.submixtures["cot"]
    assert cot.styles["fsopt"] == 3 * cot.styles["zsopt"]
    assert (cot.inverted("zsopt"), cot.inverted("fsopt")) == (0.2, 0.5)


def test_what_a_missing_submixture_leaves_is_divided_by_weight():
    got = submixture_shares(preset("public"), ["t0", "cot"])
    assert got["t0"] == pytest.approx((0.32, 32 / 37))
    assert got["niv2"] == (0.2, 0)


def test_what_a_missing_task_leaves_stays_in_its_submixture(mine):
    rows = {row.task: (row.asked, row.got) for row in task_shares(preset("mine", mine), PARTS, ["qasc", "own"])}
    assert rows["gsm8k"] == (pytest.approx(0.75 * 100 / 150), 0)
    assert rows["qasc"] == (pytest.approx(0.75 * 50 / 150), pytest.approx(0.75))
    assert rows["own"] == (0.25, 0.25)


def test_what_a_submixture_without_tasks_leaves_goes_to_the_others(mine):
    rows = task_shares(preset("mine", mine), PARTS, ["gsm8k", "qasc"])
    assert [row.got for row in rows] == pytest.approx([100 / 150, 50 / 150, 0])
    assert sum(row.asked for row in rows) == pytest.approx(1)


def test_with_everything_there_each_task_gets_what_was_asked(mine):
    assert all(row.asked == row.got for row in task_shares(preset("mine", mine), PARTS))


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("weight = 3", "wieght = 3", "unknown key 'wieght'. Did you mean 'weight'"),
        ("weight = 3", "weight = -3", "'cot', weight is -3"),
        ("rows = 100", "rows = 0", "'cot', in its cap: .*0 rows"),
        ("rows = 100", "rows = 2.5", "cap rows is 2.5: expected a whole number"),
        ("weight = 3", "weight = 3\nrates = { kind = 'temperature', temperature = 'x' }", "temperature is 'x'"),
        (
            "weight = 3",
            "weight = 3\nrates = { kind = 'temperature', temperature = 0 }",
            "temperature is 0: expected",
        ),
        ("zsopt = 1, fsopt = 3", "zsopt = 0", "no style with a positive share"),
        ("zsopt = 1, fsopt = 3", "zsop = 1", "Did you mean 'zsopt'"),
        ("all = 0.2", "all = 1.2", "inversion share 1.2"),
        ('source = "a test"', "", "lacks 'source'"),
        ("[mine]", "[mine", "is no TOML"),
        ("{ zsnoopt = 1 }", "3", "has 3 where a table"),
    ],
)
def test_a_malformed_preset_file_is_named(mine, before, after, says):
    assert before in MINE
    mine.write_text(MINE.replace(before, after), encoding="utf-8")
    with pytest.raises(UserError, match=says):
        read_presets(mine)


def test_unknown_names_and_missing_data_are_named(mine, tmp_path):
    with pytest.raises(UserError, match="Did you mean 'public'"):
        preset("publik")
    with pytest.raises(UserError, match=r"absent\.toml"):
        read_presets(tmp_path / "absent.toml")
    with pytest.raises(UserError, match="no weight for submixture 'flan'"):
        task_shares(preset("mine", mine), {"flan": PARTS["cot"]})
    with pytest.raises(UserError, match="No submixture of preset 'mine' is available"):
        task_shares(preset("mine", mine), PARTS, [])
    with pytest.raises(UserError, match="'gsm8k' is in the submixtures 'cot' and 'extra'"):
        task_shares(preset("mine", mine), {"cot": PARTS["cot"], "extra": PARTS["cot"]})
