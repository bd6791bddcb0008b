"""The page of the history."""

import json
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.accounts import selectors
from apps.accounts.api.views import history_page
from apps.accounts.policies import Right, authorise
from apps.audit.models import Entry
from apps.audit.selectors import actions_in
from apps.common.pages import page
from apps.users.models import SYSTEM_USER_ID
from apps.users.selectors import caller


@page
def history(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Who changed what, newest first."""
    member = selectors.membership(caller(request), account_id)
    authorise(member.role.role_name, Right.SECRETS)
    shelf = history_page(request, account_id)
    who = selectors.emails_in(member.account, {entry.user_id for entry in shelf.rows})
    who[SYSTEM_USER_ID] = "The system"
    context = selectors.frame(member, "history") | {
        "entries": [
            {"entry": entry, "who": who.get(entry.user_id), "what": _words(entry.action), "changes": _changes(entry)}
            for entry in shelf.rows
        ],
        "links": shelf.links,
        "actions": [(action, _words(action)) for action in actions_in(account_id)],
        "chosen": request.GET.get("action", ""),
    }
    return render(request, "accounts/history.html", context)


# Where the name of a field is not the words for it.
_FIELDS = {"url": "URL", "http_method": "HTTP method", "timeout_s": "Timeout, seconds", "rate_limit": "Requests a second"}


def _words(name: str) -> str:
    """destination.updated -> Destination updated."""
    return _FIELDS.get(name) or name.replace(".", " ").replace("_", " ").capitalize()


def _changes(entry: Entry) -> list[dict[str, str | None]]:
    """For each field that changed: its name, its value before and after; None where there was none."""
    return [
        {"field": _words(name), "before": _text(entry.before, name), "after": _text(entry.after, name)}
        for name in sorted(entry.before.keys() | entry.after.keys())
    ]


def _text(values: dict[str, Any], name: str) -> str | None:
    if name not in values:
        return None
    value = values[name]
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if value is None or value == "":
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
