"""Each delivery leaves two dead rows: PostgreSQL clears them by their number, whatever the size of the table, and at once."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

_NAMES = "autovacuum_vacuum_scale_factor", "autovacuum_vacuum_threshold", "autovacuum_vacuum_cost_delay"


def by_count(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        values = ", ".join(f"{name} = {value}" for name, value in zip(_NAMES, (0, 10_000, 0)))
        schema_editor.execute(f"ALTER TABLE deliveries_delivery SET ({values})")


def by_share(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE deliveries_delivery RESET ({', '.join(_NAMES)})")


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0006_what_waits_is_sorted")]
    operations = [migrations.RunPython(by_count, by_share)]
