from django.contrib import admin

from apps.common.admin import Shown
from apps.events.models import Event


@admin.register(Event)
class EventAdmin(Shown):
    """Never the body: it is the account's."""

    shown = ("id", "account", "event_id", "received_timestamp", "size", "traceparent")
    list_display = ("id", "account_id", "event_id", "received_timestamp", "size")
    by_id = ("id", "account_id")
    search_help_text = "The id of the event (ours) or of the account, as a whole"
