"""Every migration goes back and forth, in a database of its own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connections, transaction
from django.db.models import QuerySet
from pytest_django import DjangoDbBlocker

from apps.accounts.models import Role
from apps.audit.models import Entry
from apps.common.ids import uuid7
from apps.users.models import ANONYMOUS_USER_ID, SYSTEM_USER_ID, User

SCRATCH = "scratch"
APPS = ["inbox", "deliveries", "logs", "events", "destinations", "accounts", "users", "audit"]


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


@pytest.mark.timeout(300)
def test_the_migrations_of_each_app_go_back_to_nothing_and_all_forth_again(scratch: None) -> None:
    before = columns_and_constraints()
    for app in APPS:  # those first that refer to the others: each goes back by itself, and once
        call_command("migrate", app, "zero", database=SCRATCH, verbosity=0)
        assert not [table for table in tables() if table.startswith(f"{app}_")]
    assert not [table for table in tables() if ours(table)]
    call_command("migrate", database=SCRATCH, verbosity=0)
    after = columns_and_constraints()
    assert {table: after[table] for table in after if ours(table)} == {table: before[table] for table in before if ours(table)}


def test_what_the_migrations_make_goes_and_comes_back(scratch: None) -> None:
    call_command("migrate", "users", "0001", database=SCRATCH, verbosity=0)
    call_command("migrate", "accounts", "0001", database=SCRATCH, verbosity=0)
    assert (User.objects.using(SCRATCH).count(), Role.objects.using(SCRATCH).count()) == (0, 0)
    call_command("migrate", database=SCRATCH, verbosity=0)
    assert {user.pk for user in User.objects.using(SCRATCH)} == {SYSTEM_USER_ID, ANONYMOUS_USER_ID}
    assert set(Role.objects.using(SCRATCH).values_list("role_name", flat=True)) == {"Admin", "Normal user"}


def refused(change: Callable[[], object]) -> bool:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(SCRATCH):
        change()
    return True


def test_the_database_refuses_to_change_or_delete_what_stands_in_the_history(scratch: None) -> None:
    call_command("migrate", "audit", "0001", database=SCRATCH, verbosity=0)
    history: QuerySet[Entry] = Entry.objects.using(SCRATCH)
    for _ in range(3):
        history.create(account_id=uuid7(), user_id=uuid7(), action="account.created", object_id=uuid7())
    history.all()[:1].get().delete()
    call_command("migrate", database=SCRATCH, verbosity=0)
    before = list(history.order_by("id").values())
    assert refused(lambda: history.update(action="account.deleted"))
    assert refused(lambda: history.filter(pk=before[0]["id"]).delete())
    assert refused(history.all().delete)
    assert list(history.order_by("id").values()) == before
    assert len(before) == 2
