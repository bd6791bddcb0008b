"""What the chores work on: what was deleted, and exports."""

import apps.common.ids
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_account_version'),
        ('deliveries', '0003_lists'),
        ('destinations', '0002_previous_secret'),
    ]

    operations = [
        migrations.CreateModel(
            name='Closing',
            fields=[
                ('id', models.UUIDField(default=apps.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.account')),
                ('destination', models.ForeignKey(help_text='null: all of the account', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='destinations.destination')),
            ],
        ),
        migrations.CreateModel(
            name='Export',
            fields=[
                ('id', models.UUIDField(default=apps.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('running', 'Running'), ('done', 'Done'), ('failed', 'Failed')], default='running', max_length=8)),
                ('reason', models.CharField(blank=True, default='', help_text='why it failed', max_length=16)),
                ('section', models.PositiveSmallIntegerField(default=0, help_text='which kind of row is being written')),
                ('position', models.CharField(blank=True, default='', help_text='the key of the last row that was written', max_length=36)),
                ('parts', models.PositiveIntegerField(default=0)),
                ('lines', models.PositiveBigIntegerField(default=0)),
                ('bytes', models.PositiveBigIntegerField(default=0, help_text='of the lines, as they are read')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('expires_at', models.DateTimeField(help_text='when it is removed; null while it is written', null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
            ],
        ),
        migrations.CreateModel(
            name='ExportPart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('content', models.BinaryField()),
                ('export', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='deliveries.export')),
            ],
        ),
        migrations.AddConstraint(
            model_name='export',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('account',), name='export_one_open_of_account'),
        ),
        migrations.AddConstraint(
            model_name='export',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('expires_at', None), ('reason', ''), ('state', 'running')), models.Q(('expires_at__isnull', False), ('reason', ''), ('state', 'done')), models.Q(('expires_at__isnull', False), ('reason__in', ['internal', 'too_large']), ('state', 'failed')), _connector='OR'), name='export_end_fits_state'),
        ),
        migrations.AddConstraint(
            model_name='exportpart',
            constraint=models.UniqueConstraint(fields=('export', 'number'), name='export_part_once'),
        ),
    ]
