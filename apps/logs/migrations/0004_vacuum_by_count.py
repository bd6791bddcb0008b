"""A counter has a new version with each batch: PostgreSQL clears the old ones by their number, and at once."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

_NAMES = "autovacuum_vacuum_scale_factor", "autovacuum_vacuum_threshold", "autovacuum_vacuum_cost_delay"


def by_count(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        values = ", ".join(f"{name} = {value}" for name, value in zip(_NAMES, (0, 1_000, 0)))
        schema_editor.execute(f"ALTER TABLE logs_logcounter SET ({values})")


def by_share(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE logs_logcounter RESET ({', '.join(_NAMES)})")


class Migration(migrations.Migration):
    dependencies = [("logs", "0003_lists_and_tallies")]
    operations = [migrations.RunPython(by_count, by_share)]
