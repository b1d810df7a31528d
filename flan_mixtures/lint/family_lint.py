"""Every rule on a family, and on all that come with the package. Effects: `lint_all` reads template files."""

from __future__ import annotations

from flan_mixtures.lint import field_rules, layout_rules, number_rules, option_rules
from flan_mixtures.lint.finding import Finding
from flan_mixtures.rendering.template import Family, family, family_names

RULES = (
    field_rules.broken_placeholders,
    field_rules.unknown_fields,
    field_rules.unused_fields,
    field_rules.leaks,
    field_rules.wrong_targets,
    field_rules.empty_prompts,
    option_rules.misplaced_slots,
    option_rules.hidden_options,
    option_rules.doubled_headings,
    layout_rules.delimiter_collisions,
    layout_rules.second_question_marks,
    layout_rules.stray_spaces,
    number_rules.too_few,
    number_rules.duplicates,
)


def lint_family(family: Family) -> list[Finding]:
    """Returns the faults of a family's templates, rule by rule."""
    return [finding for rule in RULES for finding in rule(family)]


def lint_all() -> list[Finding]:
    """Returns the faults of every family that comes with the package. Raises UserError for a malformed file."""
    return [finding for name in family_names() for finding in lint_family(family(name))]
