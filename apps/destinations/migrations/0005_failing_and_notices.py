"""Since when a destination only fails, and the mails about those that were disabled."""

import apps.common.ids
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_member_version_and_trust'),
        ('destinations', '0004_fill_header_names'),
    ]

    operations = [
        migrations.CreateModel(
            name='Failing',
            fields=[
                ('destination', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='destinations.destination')),
                ('since', models.DateTimeField(help_text='the first try that failed')),
                ('until', models.DateTimeField(help_text='the last one, up to an hour behind')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('since__lte', models.F('until'))), name='failing_ends_after_it_begins')],
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.UUIDField(default=apps.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('next_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='when it is sent, or sent again')),
                ('destination', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='destinations.destination')),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.member')),
            ],
            options={
                'indexes': [models.Index(fields=['next_at', 'id'], name='notice_due')],
            },
        ),
    ]
