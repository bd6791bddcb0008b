"""Brings a deleted account back."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management import BaseCommand, CommandError

from apps.accounts.services import restore_account
from apps.common.errors import Refused


class Command(BaseCommand):
    help = (
        "Brings back an account that was deleted less than PURGE_AFTER_DAYS ago, with its members, its token, its events and "
        "logs, and the destinations that were deleted with it. A destination that was deleted before it stays deleted, and a "
        "delivery that was cancelled stays cancelled: replay what has to go out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account_id", type=UUID)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            account = restore_account(account_id=options["account_id"])
        except Refused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{account.pk} is back.")
