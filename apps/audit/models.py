"""Who changed what: append-only, plain ids without foreign keys, so that nothing that is deleted takes its history along."""

from django.db import models
from django.db.models.functions import Now

from apps.common.ids import uuid7


class Entry(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(db_default=Now(), editable=False)
    account_id = models.UUIDField(help_text="whose history it is")
    user_id = models.UUIDField(help_text="who did it")
    action = models.CharField(max_length=32, help_text="such as destination.updated")
    object_id = models.UUIDField()
    before = models.JSONField(default=dict, help_text="the changed fields as they were, secrets masked")
    after = models.JSONField(default=dict, help_text="the changed fields as they are, secrets masked")
    request_id = models.CharField(max_length=128, blank=True, default="")

    class Meta:
        verbose_name_plural = "history"
        indexes = [models.Index(fields=["account_id", "-id"], name="audit_of_account")]

    def __str__(self) -> str:
        return f"{self.action} {self.object_id}"
