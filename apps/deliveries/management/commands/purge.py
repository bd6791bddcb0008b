"""Deletes for good what is due to go, or says what it would delete."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand

from apps.common.progress import Progress
from apps.deliveries.purging import purge, purgeable, would_purge
from apps.deliveries.retention import RETENTION, Step, would_remove


class Command(BaseCommand):
    help = (
        "Deletes for good the accounts that were deleted more than PURGE_AFTER_DAYS ago, whose history stays, and the events "
        "and logs that are older than EVENT_RETENTION_DAYS and LOG_RETENTION_DAYS, but for what has not ended yet; 1,000 rows "
        "at a time. The worker does the same all the time. It may be stopped at any time and run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Accounts deleted more than {settings.PURGE_AFTER_DAYS} days ago: {purgeable().count()}")
        if options["dry_run"]:
            self._say()
            return
        progress, total = Progress(self.stdout), 0
        while done := purge():
            total += done
            progress.told(f"accounts: {total} rows")
        for name, step in RETENTION.items():
            own, going = 0, True
            while going:
                rows, going = Step(*step())
                own += rows
                progress.told(f"{name}: {own} rows")
            total += own
        progress.end()
        self.stdout.write(f"Rows deleted: {total}")

    def _say(self) -> None:
        for account in purgeable().iterator():
            rows = ", ".join(f"{number} {table}" for table, number in would_purge(account).items())
            self.stdout.write(f"{account.pk}: {rows}")
        found = would_remove()
        self.stdout.write(f"Events older than {settings.EVENT_RETENTION_DAYS} days, delivered or ended: {found['events']}")
        self.stdout.write(f"Logs older than {settings.LOG_RETENTION_DAYS} days: {found['logs']}")
