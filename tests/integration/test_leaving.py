"""Check 24: who may not watch any more gets nothing after 5 s; who is demoted stays, and is told."""

import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.crowd import Crowd, Seat
from tests.integration.figures import Figures
from tests.integration.product import Prepared, Servers
from tests.integration.waiting import wait_until
from tests.integration.watching import NOWHERE, instant, servers, writing

pytestmark = [pytest.mark.integration, pytest.mark.crowd, pytest.mark.postgres, pytest.mark.timeout(300)]

WITHIN_S = 5
CSRF = "c" * 32
CODES = {"removed": 4403, "signed out": 4401, "deleted": 4404}


@dataclass
class Guests:
    """What happens to whom, and where they sit."""

    people: dict[str, Prepared]
    seats: dict[str, list[Seat]]


def guests(product: Servers, account: Prepared, other: Prepared, number: int) -> Guests:
    people = {
        "removed": product.member(account, "Normal user"),
        "signed out": product.member(account, "Normal user"),
        "deleted": other,
        "demoted": product.member(account, "Admin"),
        "left alone": account,
    }
    return Guests(people, {what: [Seat(who) for _ in range(number)] for what, who in people.items()})


def sign_out(product: Servers, who: Prepared) -> None:
    headers = {"Cookie": f"sessionid={who.session}; csrftoken={CSRF}", "X-CSRFToken": CSRF, "Origin": product.url}
    request = urllib.request.Request(f"{product.url}/user/logout/", b"", headers, method="POST")
    urllib.request.urlopen(request, timeout=30).close()


def test_who_may_not_watch_any_more_gets_nothing(tmp_path: Path, full: bool, figures: Figures) -> None:
    with servers(tmp_path) as product:
        account, other = product.prepare(NOWHERE), product.prepare(NOWHERE)
        asked = guests(product, account, other, 20 if full else 2)
        everybody = [seat for seats in asked.seats.values() for seat in seats]
        with Crowd(product, everybody), writing(product, [account, other], 2, 40, 16 if full else 11):
            wait_until(lambda: all(seat.frames for seat in everybody), 30)
            product.remove(asked.people["removed"])
            sign_out(product, asked.people["signed out"])
            product.delete(other.account_id)
            product.give_role(asked.people["demoted"], "Normal user")
            done = instant()
            time.sleep(WITHIN_S + 2)
    for what, code in CODES.items():
        late = max(seat.frames[-1] - done for seat in asked.seats[what])
        figures.show(f"{what}: last frame after, s", late)
        assert late <= WITHIN_S
        assert {seat.error and seat.error["code"] for seat in asked.seats[what]} == {code}
    for seat in asked.seats["demoted"]:
        assert [hello["role"] for hello in seat.hellos] == ["Admin", "Normal user"]
    assert all(seat.frames[-1] > done + WITHIN_S for seat in [*asked.seats["demoted"], *asked.seats["left alone"]])
