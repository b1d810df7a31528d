"""The linter finds every kind of planted fault, and nothing in the templates that come with the package."""

import pytest

from flan_mixtures.catalogue.declaration import SUBMIXTURES, declarations
from flan_mixtures.lint.family_lint import lint_all, lint_family
from flan_mixtures.rendering.template import family, family_names, parse_family

TOP = 'fields = ["premise", "hypothesis"]\noptions = true\ninstructions = ["Say whether it follows."]\n'
BODY = "{premise} / {hypothesis}"


def entry(kind: str, **values: str) -> str:
    """Returns one template as TOML; values are TOML's own spelling of what is in the quotes."""
    predicts = values.pop("predicts", "")
    lines = [f"[[{kind}]]", *([f'predicts = ["{predicts}"]'] if predicts else [])]
    return "\n".join([*lines, *(f'{key} = "{value}"' for key, value in values.items())]) + "\n"


def enough(zero_shot: int = 10, few_shot: int = 10) -> str:
    """Returns templates without fault, so that a planted one is all there is to find."""
    zero = [entry("zero_shot", id=f"zero-{i}", input=f"Wording {i}: {BODY}") for i in range(zero_shot)]
    few = [entry("few_shot", id=f"few-{i}", input=BODY, input_prefix=f"no. {i}) ") for i in range(few_shot)]
    return "".join(zero + few)


def rules(text: str) -> set[tuple[str, str]]:
    """Returns the template and the rule of every finding."""
    return {(finding.template, finding.rule) for finding in lint_family(parse_family("planted", text))}


def planted(kind: str = "zero_shot", top: str = TOP, **values: str) -> set[str]:
    """Returns the rules that one added template breaks."""
    found = rules(top + enough() + entry(kind, id="planted", **{"input": f"Planted: {BODY}", **values}))
    assert {template for template, _ in found} <= {"planted"}
    return {rule for _, rule in found}


def test_a_family_without_fault_has_no_findings():
    assert rules(TOP + enough()) == set()


def test_each_template_that_differs_is_without_fault():
    assert planted() == set()
    assert planted("few_shot") == set()
    write = f"What may {BODY[:9]} imply? {{answer}}"
    assert planted("inversion", predicts="hypothesis", input=write, target="{hypothesis}") == set()


@pytest.mark.parametrize(
    ("rule", "kind", "values"),
    [
        ("unknown-field", "zero_shot", {"input": "{premise} {hypothesis} {claim}"}),
        ("unknown-field", "zero_shot", {"input_with_options": "{premise} {claim}\\n{options}"}),
        ("unknown-field", "few_shot", {"input": "{premise} {explanation}"}),
        (
            "unknown-field",
            "inversion",
            {"predicts": "premise", "target": "{premise}", "instruction": "{hypothesis}"},
        ),
        ("unknown-field", "inversion", {"predicts": "claim", "target": "{claim}"}),
        ("options-slot", "zero_shot", {"input": "{premise} {hypothesis} {options}"}),
        ("options-slot", "zero_shot", {"target": "{answer} of {options}"}),
        ("options-slot", "few_shot", {"exemplar_target": "{answer} of {options}"}),
        ("options-slot", "few_shot", {"target_prefix": "Of {options}: "}),
        ("options-missing", "zero_shot", {"input_with_options": "{premise} Which? {hypothesis}"}),
        ("hidden-options", "zero_shot", {"input": "Choose: {premise} {hypothesis}"}),
        ("hidden-options", "zero_shot", {"input": "{premise} {hypothesis} Which of the following is right?"}),
        ("hidden-options", "few_shot", {"target_prefix": "Your choice: "}),
        ("no-information", "zero_shot", {"input": "Does the one follow from the other?"}),
        ("options-heading", "zero_shot", {"input_with_options": "{premise} {hypothesis} One of:\\n{options}"}),
        ("leak", "zero_shot", {"input": "{premise} {hypothesis} It is {answer}."}),
        ("leak", "zero_shot", {"input_with_options": "{premise} {hypothesis} {answer} {options}"}),
        ("leak", "inversion", {"predicts": "hypothesis", "target": "{hypothesis}"}),
        ("target", "inversion", {"predicts": "hypothesis", "input": "Of {premise} {answer}", "target": "{premise}"}),
        ("target", "zero_shot", {"target": "It is so."}),
        ("target", "few_shot", {"exemplar_target": "Because."}),
        ("placeholder", "zero_shot", {"input": "{premise} {hypothesis"}),
        ("placeholder", "zero_shot", {"input": "{premise} hypothesis}"}),
        ("placeholder", "zero_shot", {"input": "{premise} {hypothesis!r}"}),
        ("placeholder", "zero_shot", {"input": "{premise} {hypothesis} {}"}),
        ("placeholder", "few_shot", {"input_prefix": "{premise}: "}),
        ("spacing", "zero_shot", {"input": "{premise}  {hypothesis}"}),
        ("spacing", "zero_shot", {"input": "{premise} \\n{hypothesis}"}),
        ("spacing", "zero_shot", {"input": "{premise} {hypothesis}\\n"}),
        ("spacing", "few_shot", {"target_prefix": "A:"}),
        ("spacing", "few_shot", {"input_prefix": "Q:  "}),
        ("duplicate-wording", "zero_shot", {"input": "wording 3 -- {premise} {hypothesis}!"}),
        ("duplicate-wording", "few_shot", {"input": BODY, "input_prefix": "No. 3) "}),
    ],
)
def test_a_planted_fault_is_found(rule, kind, values):
    assert rule in planted(kind, **values)


@pytest.mark.parametrize(
    ("says", "values"),
    [
        ("the delimiter is empty", {"delimiter": ""}),
        ("the separator is empty", {"separator": ""}),
        ("separator and delimiter are both", {"delimiter": "\\n\\n"}),
        ("also occurs within an example", {"input": "{premise}\\n\\n{hypothesis}"}),
        ("also occurs within an example", {"separator": "\\n", "delimiter": "\\n--\\n"}),  # options have their own line
        ("also occurs within an example", {"delimiter": "\\n\\n\\n"}),
        ("occurs twice", {"input": "A: {premise} {hypothesis}", "target_prefix": "A: "}),
        ("is also a bullet", {"target_prefix": "=> "}),
        ("in the line of the last option", {"delimiter": " / "}),
    ],
)
def test_exemplars_whose_parts_run_into_each_other_are_found(says, values):
    text = TOP + enough() + entry("few_shot", **{"id": "planted", "input": BODY, **values})
    found = lint_family(parse_family("planted", text))
    assert {finding.rule for finding in found} == {"delimiter"}
    assert any(says in finding.message for finding in found)


def test_an_answer_may_follow_in_line_where_the_options_stand_before():
    text = "{options}\\n{premise} / {hypothesis}"
    assert planted("few_shot", input_with_options=text, delimiter=" is ", input=BODY) == set()


def test_inversions_have_no_options_to_place():
    found = planted(
        "inversion",
        predicts="hypothesis",
        input="From {premise} {answer}",
        input_with_options="{options} {premise} {answer}",
        target="{hypothesis}",
    )
    assert found == {"options-slot"}


def test_families_without_options_place_none_but_may_speak_of_selecting():
    top = TOP.replace("options = true", "options = false")
    assert planted(top=top, input="Select what follows: {premise} {hypothesis}") == set()
    assert planted(top=top, input="Use the options: {premise} {hypothesis}") == {"hidden-options"}
    assert planted(top=top, input_with_options="{premise} {hypothesis}: {options}") == {"options-slot"}
    assert planted("few_shot", top=top, separator="\\n", delimiter=" = ") == set()


@pytest.mark.parametrize("asked", ["{question}?", "{question} ?", "About '{question}'?", "{question} Well??"])
def test_a_question_gets_no_second_question_mark(asked):
    top = TOP.replace('"hypothesis"', '"hypothesis", "question"')
    assert planted(top=top, input=f"{BODY} {asked}") == {"question-mark"}
    assert planted(top=top, input=f"{BODY} {{question}} What?") == set()


@pytest.mark.parametrize(
    ("rule", "instructions"),
    [
        ("unknown-field", '["Compare with {premise}."]'),
        ("options-slot", '["Take one of {options}."]'),
        ("hidden-options", '["Answer with one of these."]'),
        ("placeholder", '["Compare {"]'),
        ("spacing", '["Say  it."]'),
        ("duplicate-wording", '["Say it.", "say it!"]'),
    ],
)
def test_instructions_are_read_too(rule, instructions):
    text = TOP.replace('["Say whether it follows."]', instructions)
    assert ("", rule) in rules(text + enough())


def test_task_fields_may_stand_in_instructions_and_are_no_information_about_a_row():
    top = 'fields = ["premise", "hypothesis", "definition"]\ntask_fields = ["definition"]\noptions = false\n'
    top += 'instructions = ["{definition}"]\n'
    assert planted(top=top) == set()
    assert planted(top=top, input="{definition}") == {"no-information"}


def test_an_explanation_may_stand_in_exemplars_only():
    assert planted("few_shot", exemplar_target="{answer} Why? {explanation}") == set()
    assert planted("few_shot", target="{answer} Why? {explanation}") == {"unknown-field", "target"}


def test_a_field_that_no_template_uses_is_found():
    found = lint_family(parse_family("planted", TOP.replace('"hypothesis"', '"hypothesis", "title"') + enough()))
    assert [finding.rule for finding in found] == ["unused-field"]
    assert "'title'" in found[0].message


def test_too_few_templates_are_found():
    assert rules(TOP + enough(zero_shot=9)) == {("", "too-few")}
    assert rules(TOP + enough(few_shot=9)) == {("", "too-few")}


def test_an_id_that_is_used_twice_is_found_across_kinds():
    assert rules(TOP + enough() + entry("few_shot", id="zero-3", input=BODY)) == {("zero-3", "duplicate-id")}


def test_a_finding_names_family_template_and_rule():
    text = TOP + enough() + entry("zero_shot", id="planted", input="{premise} {hypothesis} {claim}")
    (finding,) = lint_family(parse_family("nli", text))
    assert str(finding).startswith("nli/planted: ")
    assert str(finding).endswith("[unknown-field]")
    assert "'claim'" in finding.message


def test_the_templates_of_the_package_have_no_fault():
    assert [str(finding) for finding in lint_all()] == []


@pytest.mark.parametrize("name", family_names())
def test_a_packaged_family_has_at_least_five_instructions(name):
    assert len(family(name).instructions) >= 5


@pytest.mark.parametrize("submixture", SUBMIXTURES)
def test_every_declared_task_has_a_template_family(submixture):
    named = {task: declaration.templates for task, declaration in declarations(submixture).items()}
    assert {task: name for task, name in named.items() if name not in family_names()} == {}
