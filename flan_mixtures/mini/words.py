"""The words that several families share. Few and short, so that each becomes one piece of the small vocabulary.

Effects: none.
"""

from __future__ import annotations

NAMES = ("Ann", "Ben", "Cara", "Dan", "Eve", "Finn", "Gina", "Hugo", "Iris", "Jack")
COLOURS = ("red", "blue", "green", "black", "white", "pink", "brown", "grey")
OBJECTS = ("pen", "cup", "hat", "key", "box", "ball", "book", "lamp", "coin", "bag")
# Plural of the kind -> things of it.
KINDS = {
    "fruits": ("apple", "pear", "plum", "lemon", "peach"),
    "animals": ("dog", "cat", "cow", "goat", "duck"),
    "tools": ("saw", "hammer", "drill", "rake", "spade"),
    "clothes": ("coat", "shirt", "scarf", "shoe", "sock"),
}
YES_NO = ("yes", "no")


def with_article(noun: str) -> str:
    """Returns `an apple`, `a pear`."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
