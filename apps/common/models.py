"""What every resource carries: who made and changed it, and when, by the database's clock."""

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Stamped(models.Model):
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)

    class Meta:
        abstract = True


def stamped_models() -> list[type[Stamped]]:
    """Every table whose rows say who made and changed them, of whatever app."""
    return [model for model in apps.get_models() if issubclass(model, Stamped)]
