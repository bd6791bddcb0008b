"""Check 15: any order of accepting, claiming, dying, recording, pausing, replaying, cancelling, deleting, bringing back,
purging and forgetting keeps every promise."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.apps.machine import Queue

RELAXED = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.timeout(600)  # a minute of work on a machine that does other things too
@pytest.mark.django_db
def test_any_order_of_things_keeps_every_promise() -> None:
    run_state_machine_as_test(Queue, settings=settings(RELAXED, max_examples=15, stateful_step_count=40))


@pytest.mark.chaos
@pytest.mark.timeout(1200)
@pytest.mark.django_db
def test_ten_thousand_steps_keep_every_promise() -> None:
    Queue.happened.clear()
    run_state_machine_as_test(Queue, settings=settings(RELAXED, max_examples=230, stateful_step_count=60))
    assert Queue.happened["step"] >= 10_000
    assert [name for name in ("replayed", "cancelled", "brought back", "purged", "forgotten") if Queue.happened[name] < 3] == []
