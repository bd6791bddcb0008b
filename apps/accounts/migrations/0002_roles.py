"""The two roles."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

ROLES = {1: "Admin", 2: "Normal user"}


def make(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    role = apps.get_model("accounts", "Role").objects.using(schema_editor.connection.alias)
    for pk, name in ROLES.items():
        role.create(id=pk, role_name=name)


def remove(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("accounts", "Role").objects.using(schema_editor.connection.alias).filter(pk__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(make, remove)]
