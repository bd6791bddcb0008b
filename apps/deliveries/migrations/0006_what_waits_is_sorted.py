"""Retries that are not due yet are not ready. What waits for a closed destination is put aside by the claims that meet it."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models.functions import Now

_READY, _LATER = 0, 1
_BATCH = 1000


def sort(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    deliveries = apps.get_model("deliveries", "Delivery").objects.using(schema_editor.connection.alias)
    early = deliveries.filter(status="pending", queue=_READY, next_attempt_at__gt=Now())
    while ids := list(early.values_list("pk", flat=True)[:_BATCH]):
        deliveries.filter(pk__in=ids).update(queue=_LATER)


class Migration(migrations.Migration):
    atomic = False  # a transaction for each 1,000: it holds up nobody, and goes on where it was stopped
    dependencies = [("deliveries", "0005_ready_later_held")]
    operations = [migrations.RunPython(sort, migrations.RunPython.noop)]
