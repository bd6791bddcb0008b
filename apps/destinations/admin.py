from django.contrib import admin

from apps.common.admin import Shown
from apps.destinations.models import Destination


@admin.register(Destination)
class DestinationAdmin(Shown):
    shown = (
        "id",
        "account",
        "name",
        "address",
        "http_method",
        "header_names",
        "state",
        "state_reason",
        "timeout_s",
        "retry_schedule",
        "rate_limit",
        "concurrency",
        "ordered",
        "version",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
        "deleted_at",
    )
    list_display = ("id", "account_id", "name", "address", "state", "state_reason", "deleted_at")
    reads = ("url",)
    list_filter = ("state",)
    by_id = ("id", "account_id")
    search_help_text = "The id of the destination or of the account, as a whole"

    @admin.display(description="URL")
    def address(self, destination: Destination) -> str:
        """Without the query, where people put tokens."""
        return destination.url.partition("?")[0]

    @admin.display(description="Headers")
    def header_names(self, destination: Destination) -> str:
        return ", ".join(sorted(destination.headers))
