"""How long the parts of a try took. Logs of before, and of the processes of the version before, have none."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('logs', '0007_forgotten'),
    ]

    operations = [
        migrations.AddField(
            model_name='log',
            name='dns_ms',
            field=models.IntegerField(help_text='deliveries.request.Phases says what these are, and when there is none', null=True),
        ),
        migrations.AddField(
            model_name='log',
            name='connect_ms',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='log',
            name='tls_ms',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='log',
            name='first_byte_ms',
            field=models.IntegerField(null=True),
        ),
    ]
