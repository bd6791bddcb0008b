from django.contrib import admin

from apps.common.admin import Shown
from apps.deliveries.models import Delivery


@admin.register(Delivery)
class DeliveryAdmin(Shown):
    shown = (
        "id",
        "account",
        "event",
        "destination",
        "status",
        "reason",
        "attempts",
        "claims",
        "lost_leases",
        "next_attempt_at",
        "lease_until",
        "created_at",
        "updated_at",
    )
    list_display = ("id", "account_id", "destination_id", "status", "reason", "attempts", "lost_leases", "next_attempt_at")
    list_filter = ("status",)
    by_id = ("id", "account_id", "event_id")
    search_help_text = "The id of the delivery, the account or the event (ours), as a whole"
