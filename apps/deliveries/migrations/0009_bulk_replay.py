"""Bulk replays: the jobs, and which delivery is of which."""

import apps.common.ids
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_member_version_and_trust'),
        ('deliveries', '0008_plural'),
        ('destinations', '0004_fill_header_names'),
        ('events', '0004_vacuum_by_count'),
    ]

    operations = [
        migrations.CreateModel(
            name='Replay',
            fields=[
                ('id', models.UUIDField(default=apps.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('status', models.CharField(blank=True, default='', help_text='of the deliveries; empty: any', max_length=10)),
                ('reason', models.CharField(blank=True, default='', help_text='of the deliveries; empty: any', max_length=16)),
                ('created_after', models.DateTimeField(help_text='the deliveries were made after it', null=True)),
                ('created_before', models.DateTimeField(help_text='and before it: when the job began, at the latest')),
                ('rate', models.PositiveIntegerField(help_text='new deliveries a second')),
                ('state', models.CharField(choices=[('running', 'Running'), ('paused', 'Paused'), ('done', 'Done'), ('cancelled', 'Cancelled')], default='running', max_length=9)),
                ('clearing', models.BooleanField(default=False, help_text='cancelled, and what waits of it is being cancelled')),
                ('next_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='when its next step is due')),
                ('position_at', models.DateTimeField(help_text='created_at of the last delivery that it has looked at', null=True)),
                ('position_id', models.UUIDField(null=True)),
                ('total', models.PositiveBigIntegerField(help_text='deliveries that matched when it began')),
                ('total_exact', models.BooleanField(help_text='false: there are more; counting stopped there')),
                ('handled', models.PositiveBigIntegerField(default=0)),
                ('made', models.PositiveBigIntegerField(default=0, help_text='new deliveries')),
                ('busy', models.PositiveBigIntegerField(default=0, help_text='left out: it is on its way already')),
                ('needless', models.PositiveBigIntegerField(default=0, help_text='left out: nothing is to be sent')),
                ('version', models.PositiveIntegerField(default=1, help_text='another after each change')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('finished_at', models.DateTimeField(null=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('destination', models.ForeignKey(help_text='null: all of them', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='destinations.destination')),
            ],
        ),
        migrations.AddField(
            model_name='delivery',
            name='job',
            field=models.ForeignKey(db_index=False, help_text='the bulk replay that made it', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='deliveries.replay'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('job__isnull', False), ('status__in', ['pending', 'delivering'])), fields=['job', 'status'], name='delivery_open_of_job'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(condition=models.Q(('job__isnull', False)), fields=('job', 'event', 'destination'), name='delivery_once_of_a_job'),
        ),
        migrations.AddIndex(
            model_name='replay',
            index=models.Index(fields=['account', 'id'], name='replay_of_account'),
        ),
        migrations.AddIndex(
            model_name='replay',
            index=models.Index(condition=models.Q(('state', 'running')), fields=['next_at', 'id'], name='replay_due'),
        ),
        migrations.AddIndex(
            model_name='replay',
            index=models.Index(condition=models.Q(('clearing', True)), fields=['id'], name='replay_clearing'),
        ),
        migrations.AddConstraint(
            model_name='replay',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('account',), name='replay_one_running_of_account'),
        ),
        migrations.AddConstraint(
            model_name='replay',
            constraint=models.CheckConstraint(condition=models.Q(('rate__gt', 0)), name='replay_rate_is_above_0'),
        ),
        migrations.AddConstraint(
            model_name='replay',
            constraint=models.CheckConstraint(condition=models.Q(('handled', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('made'), '+', models.F('busy')), '+', models.F('needless')))), name='replay_counts_add_up_to_handled'),
        ),
        migrations.AddConstraint(
            model_name='replay',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('position_at', None), ('position_id', None)), models.Q(('position_at__isnull', False), ('position_id__isnull', False)), _connector='OR'), name='replay_position_is_whole'),
        ),
        migrations.AddConstraint(
            model_name='replay',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('clearing', False), ('finished_at', None), ('state__in', ['running', 'paused'])), models.Q(('clearing', False), ('finished_at__isnull', False), ('state', 'done')), models.Q(('finished_at__isnull', False), ('state', 'cancelled')), _connector='OR'), name='replay_end_fits_state'),
        ),
    ]
