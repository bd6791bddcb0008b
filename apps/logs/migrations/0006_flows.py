"""The ledger: deliveries that began and ended, by span of time, and the slips that are not added up yet."""

from datetime import datetime, timezone
from typing import Any
from uuid import UUID

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Count, Q, QuerySet

from apps.common.ids import uuid7

# A flow of all time has a new version each second, a slip is gone after one: PostgreSQL clears them by their number, at once.
BY_COUNT = "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0"
ALL_TIME = {"span_s": 0, "start": datetime(1970, 1, 1, tzinfo=timezone.utc)}
ENDS = {"delivered": "success", "failed": "failed", "cancelled": "cancelled"}


def by_count(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE logs_flow SET (fillfactor = 70, {BY_COUNT})")
        schema_editor.execute(f"ALTER TABLE logs_slip SET ({BY_COUNT})")


def count(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What stands already, of all time."""

    def rows(app: str, model: str) -> QuerySet[Any]:
        return apps.get_model(app, model).objects.using(schema_editor.connection.alias).order_by()

    flow, flows = apps.get_model("logs", "Flow"), rows("logs", "Flow")
    ends = {name: Count("id", filter=Q(status=status)) for name, status in ENDS.items()}
    deliveries = rows("deliveries", "Delivery").values("account_id", "destination_id").annotate(accepted=Count("id"), **ends)
    events = rows("events", "Event").values("account_id").annotate(accepted=Count("id"))
    flows.bulk_create((flow(**ALL_TIME, **row) for row in deliveries), batch_size=1000)
    flows.bulk_create((flow(**ALL_TIME, destination_id=UUID(int=0), **row) for row in events), batch_size=1000)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_member_version_and_trust'),
        ('deliveries', '0008_plural'),
        ('destinations', '0004_fill_header_names'),
        ('events', '0004_vacuum_by_count'),
        ('logs', '0005_destination_without_constraint'),
    ]

    operations = [
        migrations.CreateModel(
            name='Slip',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('lines', models.BinaryField(help_text='account, destination, kind, count: logs.tally')),
            ],
        ),
        migrations.CreateModel(
            name='Flow',
            fields=[
                ('id', models.UUIDField(default=uuid7, editable=False, primary_key=True, serialize=False)),
                ('span_s', models.PositiveIntegerField(help_text='a minute or an hour; 0: all time')),
                ('start', models.DateTimeField(help_text='of the span; of all time, 1970')),
                ('accepted', models.BigIntegerField(default=0, help_text='by a post or a replay')),
                ('delivered', models.BigIntegerField(default=0)),
                ('failed', models.BigIntegerField(default=0)),
                ('cancelled', models.BigIntegerField(default=0)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.account')),
                ('destination', models.ForeignKey(db_constraint=False, db_index=False, help_text="zeros: the account's events themselves, of which only `accepted` is counted", on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='destinations.destination')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('account', 'span_s', 'start', 'destination'), name='flow_once')],
            },
        ),
        migrations.RunPython(by_count, migrations.RunPython.noop),
        migrations.RunPython(count, migrations.RunPython.noop),
    ]
