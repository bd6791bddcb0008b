"""Somebody's transaction holds rows of an account: its posts get 503 in time, its pages too, and nobody else notices."""

import asyncio

import pytest
from django.db import OperationalError

from apps.accounts.models import Account
from apps.common.lanes import is_locked, lane
from apps.events.models import Event
from tests.cast import Cast
from tests.holding import holding
from tests.posting import in_db, post

pytestmark = pytest.mark.postgres

ACCOUNT = "SELECT 1 FROM accounts_account WHERE id = %s FOR UPDATE"


async def test_posts_of_others_are_stored_and_its_own_get_503(cast: Cast) -> None:
    with holding(ACCOUNT, cast.other):
        tokens = [cast.token, cast.other_token] * 3
        answers = await asyncio.gather(*(post(token, f"e{number}", b"{}") for number, token in enumerate(tokens)))
        assert [answer.status for answer in answers] == [202, 503] * 3
        assert answers[1].headers["Retry-After"] == "1"
        assert (await post(cast.token, "alone", b"{}")).status == 202
        assert (await post(cast.other_token, "held", b"{}")).status == 503
    assert (await post(cast.other_token, "held", b"{}")).status == 202
    assert await in_db(Event.objects.filter(account=cast.account).count) == 4


def update(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(website="")


@pytest.mark.parametrize("name", ["engine", "record", "accept", "accept_large", "divide", "apart", "chores"])
async def test_no_lane_waits_long_for_a_row(cast: Cast, name: str) -> None:
    with holding(ACCOUNT, cast.account):
        with pytest.raises(OperationalError) as raised:
            async with asyncio.timeout(5):
                await lane(name).run(update, cast.account)
        assert is_locked(raised.value)
    await lane(name).run(update, cast.account)
