"""docs/failure-model.md says of each check who runs it at which size."""

import re

from tests.integration.product import ROOT

TEXT = (ROOT / "docs" / "failure-model.md").read_text()
CHECK = re.compile(r"`(\w+/test_\w+\.py)`")


def has_a_full_size(check: str) -> bool:
    text = (ROOT / "tests" / check).read_text()
    return "full: bool" in text or "mark.chaos" in text


def test_the_introduction_names_the_checks_that_have_one_size_only() -> None:
    introduction = TEXT.partition("\n## ")[0]
    assert {check for check in CHECK.findall(TEXT) if not has_a_full_size(check)} == set(CHECK.findall(introduction))
