"""Every migration goes back and forth, in a database of its own."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django import DjangoDbBlocker

from apps.accounts.models import Role
from apps.users.models import SYSTEM_USER_ID, User

SCRATCH = "scratch"
APPS = ["deliveries", "logs", "events", "destinations", "accounts", "users"]


@pytest.fixture
def scratch(django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path: Path) -> Iterator[None]:
    """A second database, migrated."""
    config: dict[str, Any] = {**connections["default"].settings_dict}
    file = tmp_path / "scratch.sqlite3" if connections["default"].vendor == "sqlite" else f"test_scratch_{os.getpid()}"
    connections.databases[SCRATCH] = config | {"TEST": {**config["TEST"], "NAME": file}}
    creation = connections[SCRATCH].creation
    with django_db_blocker.unblock():
        creation.create_test_db(verbosity=0, autoclobber=True)
        yield
        creation.destroy_test_db(str(config["NAME"]), verbosity=0)
    connections["default"].close()
    del connections[SCRATCH], connections.databases[SCRATCH]


def tables() -> set[str]:
    return set(connections[SCRATCH].introspection.table_names())


def columns_and_constraints() -> dict[str, tuple[list[str], set[str]]]:
    inspect = connections[SCRATCH].introspection
    with connections[SCRATCH].cursor() as cursor:
        return {
            table: (
                sorted(column.name for column in inspect.get_table_description(cursor, table)),
                {name for name in inspect.get_constraints(cursor, table) if not name.startswith("__")},
            )
            for table in tables()
        }


def ours(table: str) -> bool:
    return table.split("_", 1)[0] in APPS


@pytest.mark.parametrize("app", APPS)
def test_the_migrations_of_an_app_go_back_to_nothing_and_forth_again(scratch: None, app: str) -> None:
    before = columns_and_constraints()
    call_command("migrate", app, "zero", database=SCRATCH, verbosity=0)
    assert not [table for table in tables() if table.startswith(f"{app}_")]
    call_command("migrate", database=SCRATCH, verbosity=0)
    after = columns_and_constraints()
    assert {table: after[table] for table in after if ours(table)} == {table: before[table] for table in before if ours(table)}


def test_what_the_migrations_make_goes_and_comes_back(scratch: None) -> None:
    call_command("migrate", "users", "0001", database=SCRATCH, verbosity=0)
    call_command("migrate", "accounts", "0001", database=SCRATCH, verbosity=0)
    assert (User.objects.using(SCRATCH).count(), Role.objects.using(SCRATCH).count()) == (0, 0)
    call_command("migrate", database=SCRATCH, verbosity=0)
    assert User.objects.using(SCRATCH).get().pk == SYSTEM_USER_ID
    assert set(Role.objects.using(SCRATCH).values_list("role_name", flat=True)) == {"Admin", "Normal user"}
