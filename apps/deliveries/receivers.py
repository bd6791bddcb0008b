"""What a change elsewhere means for deliveries."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from apps.accounts.signals import account_deleted
from apps.deliveries.doorbell import ring_after_commit
from apps.deliveries.holding import mark_opening
from apps.deliveries.purging import mark_closing
from apps.destinations.signals import destination_deleted, destination_resumed


@receiver(account_deleted)
def close_account(sender: object, account_id: UUID, **_: Any) -> None:
    mark_closing(account_id=account_id)


@receiver(destination_deleted)
def close_destination(sender: object, account_id: UUID, destination_id: UUID, **_: Any) -> None:
    mark_closing(account_id=account_id, destination_id=destination_id)


@receiver(destination_resumed)
def open_destination(sender: object, destination_id: UUID, **_: Any) -> None:
    mark_opening(destination_id=destination_id)
    ring_after_commit()
