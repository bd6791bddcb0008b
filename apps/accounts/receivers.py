"""What a person's coming and leaving means for their memberships."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver

from apps.accounts import members
from apps.users import signals
from apps.users.models import User


@receiver(user_logged_in)
@receiver(signals.came)
def arrive(user: User, **_: Any) -> None:
    members.arrive(user=user)


@receiver(signals.leaving)
def leave(user: User, **_: Any) -> None:
    members.leave_all(user=user)
