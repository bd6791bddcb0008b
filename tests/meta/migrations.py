"""`python -m tests.meta.migrations`: judges the migrations that are newer than the last release, on PostgreSQL.

What is wrong there holds up who writes, or breaks the processes of the last release, which go on while it is migrated.
CONTRIBUTING.md says what to do instead.
"""

import os
import sys
from collections.abc import Mapping

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datapusher.settings.test")
django.setup()

from django.db import connection  # noqa: E402  (after setup)
from django_migration_linter import MigrationLinter  # noqa: E402

from tests.integration.product import ROOT  # noqa: E402
from tests.released import RELEASED  # noqa: E402

# app/name -> why it may be as it is.
ALLOWED: Mapping[str, str] = {}
# How a function's arguments and variables are called is no danger to anybody.
HARMLESS = ["RUNPYTHON_ARGS_NAMING_CONVENTION", "RUNPYTHON_MODEL_IMPORT", "RUNPYTHON_MODEL_VARIABLE_NAME"]


def released() -> set[str]:
    """app/name of each migration of the last release."""
    paths = [line.split()[1].split("/") for line in (RELEASED / "migrations.txt").read_text().splitlines()]
    return {f"{path[1]}/{path[3].removesuffix('.py')}" for path in paths}


def main() -> int:
    if connection.vendor != "postgresql":
        sys.stderr.write("on PostgreSQL: python -m tests.services --fast -- python -m tests.meta.migrations\n")
        return 2
    linter = MigrationLinter(str(ROOT), no_cache=True, all_warnings_as_errors=True, exclude_migration_tests=HARMLESS)
    apps = {path.parent.parent.name for path in ROOT.glob("apps/*/migrations/__init__.py")}
    known = released() | set(ALLOWED)
    for (app, name), migration in sorted(linter.migration_loader.disk_migrations.items()):
        if app in apps and f"{app}/{name}" not in known:
            linter.lint_migration(migration)
    linter.print_summary()
    return int(linter.has_errors)


if __name__ == "__main__":
    sys.exit(main())
