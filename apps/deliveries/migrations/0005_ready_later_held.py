"""Claims look only through what is ready; retries that wait for their time, and what waits for a closed destination, lie aside."""

import apps.common.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_member_version_and_trust'),
        ('deliveries', '0004_chores'),
        ('destinations', '0004_fill_header_names'),
        ('events', '0003_search'),
    ]

    operations = [
        migrations.CreateModel(
            name='Opening',
            fields=[
                ('id', models.UUIDField(default=apps.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('destination', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='destinations.destination')),
            ],
        ),
        migrations.RemoveIndex(
            model_name='delivery',
            name='delivery_due',
        ),
        migrations.RemoveIndex(
            model_name='delivery',
            name='delivery_suspect',
        ),
        migrations.RemoveIndex(
            model_name='delivery',
            name='delivery_open_of_destination',
        ),
        migrations.AddField(
            model_name='delivery',
            name='queue',
            field=models.PositiveSmallIntegerField(choices=[(0, 'Ready'), (1, 'Later'), (2, 'Held')], db_default=0, default=0, help_text='while pending: ready; later, a sweep brings it when it falls due; held, resuming its destination does'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('lost_leases__lt', 2), ('queue', 0), ('status', 'pending')), fields=['account', 'next_attempt_at', 'id'], name='delivery_ready'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('lost_leases__gte', 2), ('queue', 0), ('status', 'pending')), fields=['next_attempt_at', 'id'], name='delivery_suspect'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('queue', 1), ('status', 'pending')), fields=['next_attempt_at', 'id'], name='delivery_later'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['destination', 'queue', 'next_attempt_at', 'id'], name='delivery_waiting'),
        ),
    ]
