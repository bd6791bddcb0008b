"""The names out of the encrypted headers of the destinations that are there."""

import json

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def fill(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    rows = apps.get_model("destinations", "Destination").objects.using(schema_editor.connection.alias)
    for row in rows.filter(header_names="").only("id", "headers_text").iterator(chunk_size=1000):
        rows.filter(pk=row.pk).update(header_names="\n".join(json.loads(row.headers_text)))


class Migration(migrations.Migration):
    dependencies = [("destinations", "0003_header_names")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
