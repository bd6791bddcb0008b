"""Compares the ledger with the rows."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.core.management import BaseCommand, CommandError
from django.db import connection, transaction

from apps.accounts.models import Account
from apps.common.progress import Progress
from apps.deliveries.ledger import differences
from apps.deliveries.purging import purgeable

# Accounts of one transaction: it sees one moment, and must not last.
_ACCOUNTS_AT_ONCE = 50


class Command(BaseCommand):
    help = (
        "Compares the ledger (accepted = delivered + waiting + failed + cancelled, in deliveries), less what retention has "
        "removed, with the deliveries themselves, for each destination. It only reads, and the services may go on meanwhile. "
        "It ends with 1, and a line for each difference, where there is one. Accounts that are being purged are left out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", type=UUID, help="only the account with this id")

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = Account.objects.exclude(pk__in=purgeable().values("pk")).order_by("pk")
        if options["account"]:
            accounts = accounts.filter(pk=options["account"])
        ids = list(accounts.values_list("pk", flat=True))
        if options["account"] and not ids:
            raise CommandError("there is no such account")
        wrong, progress = 0, Progress(self.stdout)
        for start in range(0, len(ids), _ACCOUNTS_AT_ONCE):
            with _one_moment():
                found = differences(ids[start : start + _ACCOUNTS_AT_ONCE])
            wrong += len(found)
            progress.told(f"accounts: {start} of {len(ids)}")
            for (account, destination, kind), (counted, rows) in found.items():
                self.stdout.write(f"account {account}, destination {destination}: {counted} {kind} counted, {rows} there")
        progress.end()
        if wrong:
            raise CommandError(f"the ledger does not balance: {wrong} differences")
        self.stdout.write(f"The ledger balances. Accounts: {len(ids)}")


@contextmanager
def _one_moment() -> Iterator[None]:
    with transaction.atomic(durable=True):
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
