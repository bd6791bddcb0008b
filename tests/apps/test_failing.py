"""A destination to which nothing but failed for five days, or that says 410: disabled, written down, and its Admins told."""

import asyncio
from datetime import datetime, timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Member, Role
from apps.audit.models import Entry
from apps.common.ids import uuid7
from apps.deliveries.chores import Chore, Chores
from apps.deliveries.claims import claim_due
from apps.deliveries.disabling import disable_failing, send_notices
from apps.deliveries.holding import bring_back
from apps.deliveries.models import Delivery
from apps.deliveries.request import Error, Outcome
from apps.destinations.models import Destination, Failing, Notice
from apps.destinations.services import (
    delete_destination,
    disable,
    note_tries,
    pause,
    resume,
    update_destination,
)
from apps.logs.services import roll_up
from apps.users.models import SYSTEM_USER_ID
from tests.cast import Cast
from tests.mailing import mail_by
from tests.posting import until
from tests.writing import BROKEN, GOOD, ago, deliver, once, post

GONE = Outcome(Error.HTTP_STATUS, response_status=410, latency_ms=3)
TOO_LONG = Outcome(Error.URL_TOO_LONG)


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return once(cast.destination("https://example.com/hook", name="billing"))


def tried(cast: Cast, outcome: Outcome, at: datetime, first: int = 0) -> None:
    post(cast, b"{}", first=first)
    deliver(outcome, at=at)
    roll_up()


def state(destination: Destination) -> tuple[str, str]:
    destination.refresh_from_db()
    return destination.state, destination.state_reason


def test_after_five_days_of_nothing_but_failures_it_is_disabled(cast: Cast, destination: Destination) -> None:
    for number, days in enumerate((5.1, 3, 0.2)):
        tried(cast, BROKEN, ago(days=days), first=number)
        assert disable_failing() == 0
    tried(cast, BROKEN, ago(), first=9)
    assert disable_failing() == 1
    assert state(destination) == ("disabled", "failed for 5 days")
    (entry,) = Entry.objects.filter(action="destination.disabled")
    assert (entry.user_id, entry.object_id, entry.before) == (SYSTEM_USER_ID, destination.pk, {"state": "active"})
    assert entry.after == {"state": "disabled", "state_reason": "failed for 5 days"}
    assert disable_failing() == 0


def test_one_success_in_between_begins_the_days_anew(cast: Cast, destination: Destination) -> None:
    for number, (outcome, days) in enumerate([(BROKEN, 9.0), (GOOD, 4.0), (BROKEN, 3.9), (BROKEN, 0.0)]):
        tried(cast, outcome, ago(days=days), first=number)
    assert (disable_failing(), state(destination)) == (0, ("active", ""))
    assert timezone.now() - Failing.objects.get().since < timedelta(days=4)


def test_what_is_not_the_receivers_fault_does_not_count(cast: Cast, destination: Destination) -> None:
    for number, days in enumerate((6, 0)):
        tried(cast, TOO_LONG, ago(days=days), first=number)
    assert not Failing.objects.exists()


@pytest.mark.parametrize("how", ["resumed", "changed"])
def test_who_looks_after_it_begins_the_days_anew(cast: Cast, destination: Destination, how: str) -> None:
    tried(cast, BROKEN, ago(days=6))
    if how == "resumed":
        pause(destination=destination, by=cast.admin)
        resume(destination=destination, by=cast.admin)
    else:
        update_destination(destination=destination, by=cast.normal_user, changes={"retry_schedule": [60]})
    tried(cast, BROKEN, ago(), first=1)
    assert (disable_failing(), state(destination)[0]) == (0, "active")


def test_what_waits_is_held_and_goes_on_when_it_is_resumed(cast: Cast, destination: Destination) -> None:
    tried(cast, BROKEN, ago(days=6))
    tried(cast, BROKEN, ago(), first=1)
    disable_failing()
    post(cast, b"{}", first=2)
    assert (claim_due(10), Delivery.objects.get(event__event_id="e2").held) == ([], True)
    resume(destination=destination, by=cast.admin)
    bring_back()
    assert (len(claim_due(10)), Failing.objects.count()) == (1, 0)


def test_a_batch_is_read_in_the_order_of_its_tries(destination: Destination) -> None:
    days = [ago(days=number) for number in (9, 8, 7, 6)]
    pk = destination.pk
    note_tries([(pk, False, days[0]), (pk, True, days[1]), (pk, False, days[2]), (pk, False, days[3])])
    assert (Failing.objects.get().since, Failing.objects.get().until) == (days[2], days[3])
    note_tries([(pk, False, ago()), (pk, True, ago())])
    assert not Failing.objects.exists()


def test_noting_what_goes_on_as_before_is_one_question_and_no_write(destination: Destination) -> None:
    other = uuid7()
    note_tries([(destination.pk, False, ago())])
    with CaptureQueriesContext(connection) as queries:
        note_tries([(destination.pk, False, ago(minutes=-5)), (other, True, ago())] * 50)
    assert len(queries) == 1


def test_its_admins_get_one_mail_each(cast: Cast, destination: Destination) -> None:
    admin = Role.objects.get(role_name=Role.ADMIN)
    Member.objects.create(account=cast.account, user=cast.charlie, role=admin, created_by=cast.alice, updated_by=cast.alice)
    tried(cast, GONE, ago())
    assert state(destination) == ("disabled", "answered 410 Gone")
    assert [send_notices() for _ in range(3)] == [1, 1, 0]
    assert sorted(message.to[0] for message in mail.outbox) == ["alice@example.com", "charlie@example.com"]
    message: Any = mail.outbox[0]
    ((page, kind),) = message.alternatives
    for part in (message.body, page):
        assert all(each in part for each in ("billing", "Northwind", "answered 410 Gone", f"destinations/{destination.pk}/"))
    assert kind == "text/html"
    assert not Notice.objects.exists()


@pytest.mark.parametrize("meanwhile", ["resumed", "deleted", "demoted"])
def test_no_mail_about_what_is_over(cast: Cast, destination: Destination, meanwhile: str) -> None:
    tried(cast, GONE, ago())
    if meanwhile == "resumed":
        resume(destination=destination, by=cast.admin)
    elif meanwhile == "deleted":
        delete_destination(destination=destination, by=cast.admin)
    else:
        Member.objects.filter(user=cast.alice).update(role=Role.objects.get(role_name=Role.NORMAL_USER))
    assert [send_notices(), send_notices()] == [1, 0]
    assert mail.outbox == []


class Away(EmailBackend):
    def send_messages(self, *_: Any) -> int:
        raise SMTPServerDisconnected("to alice@example.com")


def test_without_a_mail_server_it_is_kept_and_sent_later(
    cast: Cast, destination: Destination, settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    tried(cast, GONE, ago())
    mail_by(settings, f"{__name__}.Away")
    assert [send_notices(), send_notices()] == [0, 0]
    notice = Notice.objects.get()
    assert (notice.tries, notice.next_at > timezone.now() + timedelta(minutes=9)) == (1, True)
    assert "alice@" not in caplog.text
    mail_by(settings, "django.core.mail.backends.locmem.EmailBackend")
    Notice.objects.update(next_at=Now())
    assert (send_notices(), len(mail.outbox)) == (1, 1)


def test_what_nobody_takes_is_given_up(cast: Cast, destination: Destination, settings: LazySettings) -> None:
    tried(cast, GONE, ago())
    mail_by(settings, f"{__name__}.Away")
    for _ in range(15):
        send_notices()
        Notice.objects.update(next_at=Now())
    assert not Notice.objects.exists()


async def test_a_mail_server_that_does_not_answer_keeps_no_other_chore(store: None) -> None:
    hangs, taken = asyncio.Event(), list[int]()
    loop = asyncio.get_running_loop()

    def mailing() -> int:
        asyncio.run_coroutine_threadsafe(hangs.wait(), loop).result()
        return 0

    def other() -> int:
        taken.append(1)
        return 0

    running = Chores((Chore("mail", mailing, lane="mail"), Chore("other", other, every_s=0.01)))
    running.start()
    await until(lambda: len(taken) > 3)
    hangs.set()
    await running.stop()


def test_disabling_twice_is_once(cast: Cast, destination: Destination) -> None:
    for _ in range(2):
        with transaction.atomic():
            disable(destination_ids=[destination.pk], reason="answered 410 Gone")
    assert (Notice.objects.count(), Entry.objects.filter(action="destination.disabled").count()) == (1, 1)
