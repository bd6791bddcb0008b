"""What the system does about a destination to which nothing but fails: it disables it, and tells the Admins of its account.

Each mail is a row that is made with the disabling, in its transaction, and goes once a mail server has taken it: it is sent at
least once, and again only when the process dies in between.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.urls import reverse

from apps.accounts.models import Member, Role
from apps.common import mail
from apps.destinations.models import Destination, Failing, Notice
from apps.destinations.services import disable

logger = logging.getLogger(__name__)

# Longer than the usual schedule of retries, three days and a bit: what is down over a weekend is not disabled.
FAILING_MAX = timedelta(days=5)
_AT_ONCE = 100
# Until a mail that no server took is sent again: doubled each time, up to the second. A sending process that died is one.
_AGAIN = (timedelta(minutes=10), timedelta(hours=6))
# A mail that nobody took in some two days is not sent any more: the pages say it too.
_TRIES_MAX = 14


@transaction.atomic
def disable_failing() -> int:
    """Disables destinations to which nothing but failed for five days. Returns how many, at most 100."""
    long = Failing.objects.filter(until__gte=F("since") + FAILING_MAX, destination__state=Destination.State.ACTIVE)
    alive = long.filter(destination__deleted_at=None, destination__account__deleted_at=None)
    found = list(alive.values_list("pk", flat=True)[:_AT_ONCE])
    if not found:
        return 0
    active = Destination.objects.filter(pk__in=found, state=Destination.State.ACTIVE).order_by("pk")
    locked = list(active.select_for_update(no_key=True).values_list("pk", flat=True))
    # Asked again now that nobody can change them: somebody may have looked after one of them.
    still = list(long.filter(pk__in=locked).values_list("pk", flat=True))
    disable(destination_ids=still, reason=f"failed for {FAILING_MAX.days} days")
    return len(still)


def send_notices() -> int:
    """Sends the mail that waits longest. In no transaction: a mail server may take seconds. Returns 1; 0: none is due, or no
    server took it."""
    # Asked before: on SQLite a transaction takes its turn among those who write.
    notice = _take() if _due().exists() else None
    if notice is None:
        return 0
    if notice.tries <= _TRIES_MAX and _matters(notice) and not _send(notice):
        return 0
    if notice.tries > _TRIES_MAX:
        logger.error("notice %s is given up", notice.pk)
    notice.delete()
    return 1


def _due() -> QuerySet[Notice]:
    return Notice.objects.filter(next_at__lte=Now()).order_by("next_at", "id")


@transaction.atomic
def _take() -> Notice | None:
    """The one that is due longest. It is due again later: it is nobody else's meanwhile, and not lost with this process."""
    pk = _due().select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True).first()
    if pk is None:
        return None
    notice = Notice.objects.select_related("destination__account", "member__user").defer(*_NOT_READ).get(pk=pk)
    notice.tries += 1
    first, longest = _AGAIN
    Notice.objects.filter(pk=pk).update(tries=notice.tries, next_at=Now() + min(first * 2 ** (notice.tries - 1), longest))
    return notice


_NOT_READ = ("destination__headers_text", "destination__signing_secret", "destination__previous_secret")


def _matters(notice: Notice) -> bool:
    """Whether it is still disabled, and the member may still do something about it."""
    disabled = Destination.objects.alive().filter(pk=notice.destination_id, state=Destination.State.DISABLED)
    admin = Member.objects.active().filter(pk=notice.member_id, role__role_name=Role.ADMIN)
    return disabled.exists() and admin.exists()


def _send(notice: Notice) -> bool:
    destination = notice.destination
    link = settings.PUBLIC_URL + reverse("destination", args=[destination.account_id, destination.pk])
    context = {
        "destination_name": mail.plain(destination.name),
        "account_name": mail.plain(destination.account.account_name),
        "reason": destination.state_reason,
        "link": link,
    }
    subject = "A destination was disabled"
    return mail.send(to=notice.member.user.email, subject=subject, template="destinations/email/disabled", context=context)
