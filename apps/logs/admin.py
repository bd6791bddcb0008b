from django.contrib import admin

from apps.common.admin import Shown
from apps.logs.models import Log


@admin.register(Log)
class LogAdmin(Shown):
    """Never what was answered: it is the receiver's."""

    shown = (
        "id",
        "cursor",
        "account",
        "destination",
        "event",
        "delivery_id",
        "received_timestamp",
        "processed_timestamp",
        "status",
        "attempt",
        "max_attempts",
        "next_attempt_at",
        "late",
        "response_status",
        "latency_ms",
        "dns_ms",
        "connect_ms",
        "tls_ms",
        "first_byte_ms",
        "error",
    )
    list_display = (
        "id",
        "account_id",
        "destination_id",
        "status",
        "response_status",
        "error",
        "attempt",
        "processed_timestamp",
    )
    list_filter = ("status",)
    by_id = ("id", "account_id", "event_id")
    search_help_text = "The id of the log, the account or the event (ours), as a whole"
