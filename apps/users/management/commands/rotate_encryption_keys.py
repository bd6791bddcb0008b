"""Encrypts anew with the first key what an older one encrypted."""

from argparse import ArgumentParser
from itertools import chain
from typing import Any

from django.core.management import BaseCommand, CommandError

from apps.common.progress import Progress
from apps.common.rotation import Progress as Rotated
from apps.common.rotation import encrypted_tables, rotate
from apps.users.factors import rotate_factors


class Command(BaseCommand):
    help = (
        "Encrypts anew, with the first of FIELD_ENCRYPTION_KEYS, what another of them encrypted: tokens, header values, "
        "signing secrets, second factors. Put the new key first, keep the old ones behind it, and restart every process; "
        "then run this until it changes nothing, and take the old keys away. The services go on meanwhile; it may be stopped "
        "and run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what an older key encrypted, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run = options["dry_run"]
        parts = [rotate(model, names, dry_run=dry_run) for model, names in encrypted_tables()]
        done: dict[str, Rotated] = {}
        shown = Progress(self.stdout)
        for rotated in chain(*parts, rotate_factors(dry_run=dry_run)):
            done[rotated.table] = rotated
            shown.told(f"{rotated.table}: {rotated.looked_at} rows looked at")
        shown.end()
        for table, rotated in done.items():
            what = "by an older key" if dry_run else "encrypted anew"
            self.stdout.write(f"{table}: {rotated.changed} of {rotated.looked_at} rows {what}")
        if lost := [f"{table} {pk}" for table, rotated in done.items() for pk in rotated.lost]:
            some = ", ".join(lost[:10])
            raise CommandError(f"{len(lost)} rows are opened by none of FIELD_ENCRYPTION_KEYS and were left alone: {some}")
