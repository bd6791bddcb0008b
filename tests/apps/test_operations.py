"""Operations of migrations for tables that are in use."""

from django.apps import apps
from django.db import connection, models
from django.db.migrations.state import ProjectState
from django.test.utils import CaptureQueriesContext

from apps.common.operations import AddIndexBesideWriters

NAME = "scratch_of_event"


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, "events_event"))


def test_an_index_is_added_without_holding_up_writers_and_taken_away_again(store: None) -> None:
    operation = AddIndexBesideWriters("event", models.Index(fields=["traceparent"], name=NAME))
    before = ProjectState.from_apps(apps)
    after = before.clone()
    operation.state_forwards("events", after)
    seen = []
    with CaptureQueriesContext(connection) as queries:
        for move, states in ((operation.database_forwards, (before, after)), (operation.database_backwards, (after, before))):
            with connection.schema_editor(atomic=False) as editor:
                move("events", editor, *states)
            seen.append(NAME in indexes())
    assert seen == [True, False]
    concurrent = [query for query in queries if "CONCURRENTLY" in query["sql"]]
    assert len(concurrent) == (2 if connection.vendor == "postgresql" else 0)
