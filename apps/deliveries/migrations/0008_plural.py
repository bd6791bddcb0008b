from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0007_vacuum_by_count")]

    operations = [migrations.AlterModelOptions(name="delivery", options={"verbose_name_plural": "deliveries"})]
