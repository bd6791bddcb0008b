"""Up to where an account's logs were removed; in flows, what was removed of all time's."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_full'),
        ('logs', '0006_flows'),
    ]

    operations = [
        migrations.CreateModel(
            name='Forgotten',
            fields=[
                ('account', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='accounts.account')),
                ('cursor', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.AlterField(
            model_name='flow',
            name='span_s',
            field=models.PositiveIntegerField(help_text='a minute or an hour; 0: all time; 1: of that, what retention has removed'),
        ),
    ]
