"""Text from outside, for the eye."""

import re

_TURNING = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Text from outside for the eye. Marks that turn its direction could make it read otherwise, so they are written out."""
    return _TURNING.sub(lambda mark: f"\\u{ord(mark[0]):04x}", text)
