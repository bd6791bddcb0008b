"""Every write to destinations."""

import base64
import json
import secrets
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from apps.accounts.models import Account, Member
from apps.accounts.policies import Right, may
from apps.common.errors import LimitReached, NotAllowed
from apps.destinations.models import Destination
from apps.destinations.validators import validate_headers


def _authorise(member: Member) -> None:
    if not may(member.role.role_name, Right.MANAGE_DESTINATIONS):
        raise NotAllowed("Only an Admin may change destinations.")


@transaction.atomic
def create_destination(
    *, by: Member, url: str, http_method: str, headers: dict[str, str], name: str = "", **policy: Any
) -> Destination:
    """A new destination of the member's account, with a signing secret of its own.

    Raises:
        NotAllowed: the member is not an Admin.
        ValidationError: a field is wrong; it names the field.
        LimitReached: the account has MAX_DESTINATIONS_PER_ACCOUNT of them.
    """
    _authorise(by)
    Account.objects.select_for_update(no_key=True).get(pk=by.account_id)  # two creations count one after the other
    if Destination.objects.alive().filter(account=by.account_id).count() >= settings.MAX_DESTINATIONS_PER_ACCOUNT:
        limit = settings.MAX_DESTINATIONS_PER_ACCOUNT
        raise LimitReached(f"The account has {limit} destinations, the most that MAX_DESTINATIONS_PER_ACCOUNT allows.")
    destination = Destination(
        account_id=by.account_id,
        name=name.strip(),
        url=url.strip(),
        http_method=http_method,
        headers_text=json.dumps(headers),
    )
    for field, value in policy.items():
        setattr(destination, field, value)
    destination.signing_secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    destination.created_by = destination.updated_by = by.user
    _check(destination, headers)
    destination.name = destination.name or destination.host[:255]
    destination.save(force_insert=True)
    return destination


def _check(destination: Destination, headers: dict[str, str]) -> None:
    """Raises one ValidationError with every wrong field."""
    wrong: dict[str, Any] = {}
    try:
        destination.full_clean()
    except ValidationError as error:
        wrong.update(error.error_dict)
    try:
        validate_headers(headers)
    except ValidationError as error:
        wrong["headers"] = error.error_list
    if wrong:
        raise ValidationError(wrong)


def pause(*, destination: Destination, by: Member) -> None:
    """Deliveries wait from now on; a try that is already claimed may still go out."""
    _set_state(destination, by, Destination.State.PAUSED, Destination.State.ACTIVE)


def resume(*, destination: Destination, by: Member) -> None:
    """What waited goes out again, after a person's pause or the system's disabling."""
    _set_state(destination, by, Destination.State.ACTIVE, Destination.State.PAUSED, Destination.State.DISABLED)


def _set_state(destination: Destination, by: Member, new: str, *old: str) -> None:
    _authorise(by)
    own = Destination.objects.alive().filter(pk=destination.pk, account=by.account_id, state__in=old)
    own.update(state=new, state_reason="", version=F("version") + 1, updated_at=Now(), updated_by=by.user)


def delete_destination(*, destination: Destination, by: Member) -> None:
    """Hides the destination at once; what waits for it is cancelled by the claim that meets it; its logs stay."""
    _authorise(by)
    own = Destination.objects.alive().filter(pk=destination.pk, account=by.account_id)
    own.update(deleted_at=Now(), version=F("version") + 1, updated_at=Now(), updated_by=by.user)


def disable(*, destination_ids: Iterable[UUID], reason: str) -> None:
    """The system stops sending to these, for a reason that the pages show. Part of the caller's transaction."""
    ids = Destination.objects.filter(pk__in=list(destination_ids), state=Destination.State.ACTIVE)
    locked = list(ids.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
    Destination.objects.filter(pk__in=locked).update(
        state=Destination.State.DISABLED, state_reason=reason, version=F("version") + 1, updated_at=Now()
    )
