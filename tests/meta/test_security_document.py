"""docs/security.md names a test for what it says, and each of them is there."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
TEXT = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_test_that_it_names_is_there() -> None:
    named = set(re.findall(r"`(\w+/test_\w+\.py)`", TEXT))
    assert len(named) >= 40
    assert sorted(name for name in named if not (TESTS / name).exists()) == []


def test_every_row_of_its_lists_names_one_or_says_that_it_is_not_offered() -> None:
    rows = [line for line in TEXT.splitlines() if re.match(r"\| (API|V)\d+ ", line)]
    assert len(rows) == 27
    assert [row for row in rows if "test_" not in row and "not offered" not in row and "not used" not in row] == []


def test_every_requirement_names_one_or_says_that_it_is_not_met() -> None:
    rows = [line for line in TEXT.splitlines() if re.match(r"\| \d+[.0-9, ]* \| ", line)]
    assert len(rows) >= 40
    words = ("test_", "**not met**", "**not applicable**", "**Not proven**")
    assert [row for row in rows if not any(word in row for word in words)] == []
