"""Gates and slots are few, and change with each try of a limited destination: PostgreSQL clears them by their number."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

_TABLES = "destinations_gate", "deliveries_slot"
_VALUES = {
    "autovacuum_vacuum_scale_factor": 0,
    "autovacuum_vacuum_threshold": 2_000,
    "autovacuum_vacuum_cost_delay": 0,
    "fillfactor": 50,
}


def by_count(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table in _TABLES:
            schema_editor.execute(f"ALTER TABLE {table} SET ({', '.join(f'{name} = {value}' for name, value in _VALUES.items())})")


def by_share(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table in _TABLES:
            schema_editor.execute(f"ALTER TABLE {table} RESET ({', '.join(_VALUES)})")


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0010_slots")]
    operations = [migrations.RunPython(by_count, by_share)]
