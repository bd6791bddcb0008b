from django.contrib import admin

from apps.audit.models import Entry
from apps.common.admin import Shown


@admin.register(Entry)
class EntryAdmin(Shown):
    shown = ("id", "at", "account_id", "user_id", "action", "object_id", "before", "after", "request_id")
    list_display = ("at", "action", "account_id", "user_id", "object_id")
    by_id = ("id", "account_id")
    search_help_text = "The id of the entry or of the account, as a whole"
