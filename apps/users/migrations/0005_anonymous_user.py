"""The user who stands where an erased person stood. Nobody can sign in as it."""

from django.contrib.auth.hashers import make_password
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from apps.users.models import ANONYMOUS_USER_ID


def make(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("users", "User").objects.using(schema_editor.connection.alias).create(
        id=ANONYMOUS_USER_ID,
        email="anonymous@datapusher.invalid",
        password=make_password(None),
        is_active=False,
        created_by_id=ANONYMOUS_USER_ID,
        updated_by_id=ANONYMOUS_USER_ID,
    )


def remove(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    # Not delete(): the row protects itself, being its own maker.
    alias = schema_editor.connection.alias
    apps.get_model("users", "User").objects.using(alias).filter(pk=ANONYMOUS_USER_ID)._raw_delete(alias)


class Migration(migrations.Migration):
    dependencies = [("users", "0004_sign_ins_end")]
    operations = [migrations.RunPython(make, remove)]
