"""How far a command has come: a line that changes on a terminal, one now and then where the output is kept."""

from io import StringIO

import pytest
from django.core.management.base import OutputWrapper

from apps.common.progress import Progress


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "step_s", "expected"),
    [
        (Terminal(), 0.1, "\r\x1b[2K2 done\r\x1b[2K4 done\n"),
        (StringIO(), 5.0, "2 done\n4 done\n"),
        (StringIO(), 0.1, ""),
        (Terminal(), 0.01, ""),
    ],
    ids=["terminal", "file", "file, quickly done", "terminal, quickly done"],
)
def test_progress_is_told_now_and_then(stream: StringIO, step_s: float, expected: str) -> None:
    now = [0.0]
    progress = Progress(OutputWrapper(stream), clock=lambda: now[0])
    for number in range(1, 5):
        now[0] = round(now[0] + step_s, 3)
        progress.told(f"{number} done")
    progress.end()
    assert stream.getvalue() == expected
