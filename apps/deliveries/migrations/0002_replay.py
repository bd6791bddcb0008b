"""Replays: more deliveries of a pair of event and destination, of which one at a time is open."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps



def remove_replays(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """On the way back: a pair of event and destination has one delivery again."""
    deliveries = apps.get_model("deliveries", "Delivery").objects.using(schema_editor.connection.alias)
    deliveries.filter(replay_of__isnull=False).delete()


class Migration(migrations.Migration):

    dependencies = [
        ('deliveries', '0001_initial'),
        ('destinations', '0002_previous_secret'),
        ('events', '0001_initial'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='delivery',
            name='delivery_once_for_event_and_destination',
        ),
        migrations.AddField(
            model_name='delivery',
            name='replay_of',
            field=models.UUIDField(help_text='the first delivery of the event to the destination; null: this is it', null=True),
        ),
        migrations.AddField(
            model_name='delivery',
            name='superseded',
            field=models.BooleanField(db_default=False, default=False, help_text='a replay of it succeeded while it was in the air'),
        ),
        migrations.RunPython(migrations.RunPython.noop, remove_replays),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(models.F('event'), models.F('destination'), models.Case(models.When(replay_of=None, then=models.F('event')), default=models.F('id')), name='delivery_once_but_for_replays'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(condition=models.Q(('replay_of__isnull', False), ('status__in', ['pending', 'delivering'])), fields=('event', 'destination'), name='delivery_one_open_replay'),
        ),
    ]
