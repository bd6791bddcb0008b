"""The same thing several times at once."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


def together(number: int, work: Callable[[int], T]) -> list[T | Exception]:
    """Calls `work(0)`, `work(1)` … in threads that begin together. What each returned or raised, in no order."""
    start, outcomes = Barrier(number), list[T | Exception]()

    def one(index: int) -> None:
        start.wait()
        try:
            outcomes.append(work(index))
        except Exception as error:  # noqa: BLE001  (it is an outcome)
            outcomes.append(error)
        finally:
            connection.close()

    threads = [Thread(target=one, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
