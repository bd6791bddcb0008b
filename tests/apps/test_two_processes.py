"""What one process changes holds in another from the next request on, whatever that one keeps, with and without Redis."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from apps.accounts import members
from apps.accounts.services import rotate_token
from apps.deliveries.holding import bring_back
from apps.destinations.services import pause, resume
from tests.cast import Cast
from tests.rest import Rest

Ask = Callable[..., int]


@pytest.fixture(params=["with the cache as it is", "without Redis"])
def other(request: pytest.FixtureRequest, cast: Cast) -> Iterator[Ask]:
    environment = os.environ | ({"REDIS_URL": ""} if request.param == "without Redis" else {})
    command = [sys.executable, "-m", "tests.apps.other_process", str(connection.settings_dict["NAME"])]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        asked, answers = process.stdin, process.stdout
        assert asked is not None
        assert answers is not None

        def ask(*what: str) -> int:
            asked.write(f"{json.dumps(what)}\n")
            asked.flush()
            while not (line := answers.readline().strip()).isdigit():
                assert line  # of its log
            return int(line)

        yield ask
        asked.close()


def test_a_rotated_token_a_changed_role_and_a_paused_destination(cast: Cast, other: Ask) -> None:
    destination = cast.destination("https://example.com/hook")
    assert [other("post", cast.token, event) for event in ("e1", "e2")] == [202, 202]
    new = rotate_token(by=cast.admin)
    assert [other("post", token, "e3") for token in (cast.token, new, cast.token)] == [401, 202, 401]

    pair, path = Rest(cast.bob).pair, f"/api/v1/accounts/{cast.account.pk}/token/"
    assert pair is not None
    statuses = [other("get", pair.access, path)]
    for role in (1, 2):
        members.update_member(by=cast.admin, member=cast.normal_user, changes={"role_id": role})
        statuses.append(other("get", pair.access, path))
    assert statuses == [403, 200, 403]

    pause(destination=destination, by=cast.admin)
    assert other("claim") == 0
    resume(destination=destination, by=cast.admin)
    assert (bring_back(), other("claim")) == (3, 3)


def test_stats_that_are_kept_and_a_member_who_is_removed(cast: Cast, other: Ask) -> None:
    pair, path = Rest(cast.bob).pair, f"/api/v1/accounts/{cast.account.pk}/stats/"
    assert pair is not None
    assert [other("get", pair.access, path) for _ in range(2)] == [200, 200]
    members.remove_member(by=cast.admin, member=cast.normal_user)
    assert other("get", pair.access, path) == 404
