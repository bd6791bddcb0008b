"""What happens elsewhere that inboxes follow."""

from typing import Any

from django.dispatch import receiver

from apps.deliveries.signals import tidying
from apps.inbox.services import forget_old


@receiver(tidying)
def forget(sender: object, **_: Any) -> int:
    return forget_old()
