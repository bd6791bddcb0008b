"""The accounts that take nothing, since too many of their deliveries wait."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_member_version_and_trust'),
    ]

    operations = [
        migrations.CreateModel(
            name='Full',
            fields=[
                ('account', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='full', serialize=False, to='accounts.account')),
                ('since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
    ]
