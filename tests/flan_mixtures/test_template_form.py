"""Slips in a template file are named where they were made."""

from __future__ import annotations

import pytest

from flan_mixtures.rendering.template import parse_family, read_family, slots
from t5x.errors import UserError

WHOLE = """
fields = ["text"]
options = false
instructions = ["Read."]
[[zero_shot]]
id = "one"
input = "{text}"
"""


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('["text"]', '"text"', "family 'mine' has fields = 'text': expected a list of texts"),
        ("options = false", 'options = "no"', "has options = 'no': expected true or false"),
        ('["Read."]', "[3]", "has instructions = [3]: expected a list of texts"),
        ("[[zero_shot]]", "[zero_shot]", "expected a table for each template"),
        ('"{text}"', "7", "Template 'one' of family 'mine' has input = 7: expected a text"),
        ('"one"', '"one"\nmixable = "no"', "has mixable = 'no': expected true or false"),
        ("input =", "imput =", "unknown key 'imput'. Did you mean 'input'"),
    ],
)
def test_a_slip_in_a_template_file_is_named_with_its_value_and_what_was_expected(right, wrong, said):
    assert right in WHOLE
    with pytest.raises(UserError) as error:
        parse_family("mine", WHOLE.replace(right, wrong))
    assert said in str(error.value)


def test_a_faulty_file_of_the_users_own_is_named(tmp_path):
    for text, said in ((b"fields = [", "no TOML"), (b"# caf\xe9\n", "is not UTF-8 text")):
        (tmp_path / "mine.toml").write_bytes(text)
        with pytest.raises(UserError, match=said) as error:
            read_family(tmp_path / "mine.toml")
        assert str(tmp_path / "mine.toml") in str(error.value)


def test_broken_braces_are_quoted():
    with pytest.raises(UserError, match=r"broken braces .* in 'Look at \{text'"):
        slots("Look at {text")
