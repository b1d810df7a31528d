"""A sentence in English and another language.

Enters: the texts by language code, or a field `translation` with them. Leaves: `source`, `target`, `source_language`,
`target_language` (English names). The Flan Collection translates French and Spanish from English, others into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LANGUAGES = {
    "cs": "Czech",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "ro": "Romanian",
    "ru": "Russian",
    "tr": "Turkish",
}
_FROM_ENGLISH = ("es", "fr")


def adapt(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the pair in its direction. Raises ValueError where it is no pair of English and a known language."""
    texts = record.get("translation", record)
    codes = [code for code in texts if code in LANGUAGES and code != "en"]
    if len(codes) != 1 or "en" not in texts:
        raise ValueError(f"expected English and one of {', '.join(LANGUAGES)}; found {', '.join(map(str, texts))}")
    other = codes[0]
    source, target = ("en", other) if other in _FROM_ENGLISH else (other, "en")
    return {
        "source": texts[source],
        "target": texts[target],
        "source_language": LANGUAGES[source],
        "target_language": LANGUAGES[target],
    }
