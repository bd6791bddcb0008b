"""The mail that invites somebody, and the link in it."""

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.crypto import salted_hmac

from apps.accounts.models import Member
from apps.common import mail
from apps.common.rate import spend

_SALT = "datapusher.invitation"
_DAY_S = 86_400
# A week: as long as a holiday, and no mailbox that is read later holds a working link.
LASTS_DAYS = 7
# In a day.
OF_AN_ACCOUNT, TO_AN_ADDRESS = 20, 5


def count(member: Member) -> None:
    """Counts an invitation, before it is made. Raises TooMany at the limit of the account or of the address."""
    spend(f"invitations:{member.account_id}", OF_AN_ACCOUNT, _DAY_S)
    spend(f"invited:{_mark(member.user.email)}", TO_AN_ADDRESS, _DAY_S)


def send(member: Member) -> None:
    """The same mail to everybody. After the commit: what fails is sent again by adding the member again."""
    link = settings.PUBLIC_URL + reverse("invitation", args=[key_of(member)])
    context = {"account_name": mail.plain(member.account.account_name), "link": link, "days": LASTS_DAYS}
    subject = "You are invited to Data Pusher"
    mail.send(to=member.user.email, subject=subject, template="accounts/email/invitation", context=context)


def key_of(member: Member) -> str:
    """It is of use while the member is `invited`, for the mailbox to which it was sent."""
    return signing.dumps([str(member.pk), _mark(member.user.email)], salt=_SALT)


def invited_by(key: str) -> Member | None:
    """The member whose link this is; None when it has been used, is too old, was withdrawn or is not ours."""
    try:
        member_id, mark = signing.loads(key, salt=_SALT, max_age=LASTS_DAYS * _DAY_S)
    except signing.BadSignature:
        return None
    waiting = Member.objects.filter(state=Member.State.INVITED, account__deleted_at=None, user__is_active=True)
    member = waiting.select_related("account", "user").filter(pk=member_id).first()
    return member if member is not None and _mark(member.user.email) == mark else None


def _mark(email: str) -> str:
    """Stands for the address where an address must not stand."""
    return salted_hmac(_SALT, email, algorithm="sha256").hexdigest()[:32]
