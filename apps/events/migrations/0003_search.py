"""What PostgreSQL needs for searching beside the accept transaction, and the events that were there before."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# A search also reads, row by row, what waits to be merged into the index: 256 KiB of it at most, instead of 4 MiB.
INDEX = "CREATE INDEX words_of_event ON events_words USING gin (words) WITH (fastupdate = on, gin_pending_list_limit = 256)"
# A queue: as many rows go as come. Without a vacuum by count its dead rows would be walked over at each look.
QUEUE = """
ALTER TABLE events_unindexed SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0)
"""
BATCH = 1000


def prepare(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(INDEX)
        schema_editor.execute(QUEUE)


def undo(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX words_of_event")
        schema_editor.execute(
            "ALTER TABLE events_unindexed RESET ("
            "autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay)"
        )


def queue(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    alias = schema_editor.connection.alias
    events = apps.get_model("events", "Event").objects.using(alias).order_by("pk").values_list("pk", flat=True)
    unindexed = apps.get_model("events", "Unindexed")
    batch = list(events[:BATCH])
    while batch:
        rows = [unindexed(event_id=pk) for pk in batch]
        unindexed.objects.using(alias).bulk_create(rows, ignore_conflicts=True)
        batch = list(events.filter(pk__gt=batch[-1])[:BATCH])


class Migration(migrations.Migration):
    # In batches of their own: one transaction over every event would hold back the vacuum of all tables.
    atomic = False
    dependencies = [("events", "0002_words")]
    operations = [migrations.RunPython(prepare, undo), migrations.RunPython(queue, migrations.RunPython.noop)]
