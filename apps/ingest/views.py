"""The button that sends a first event."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.accounts.selectors import membership
from apps.common.errors import Conflict
from apps.common.pages import action
from apps.ingest.sample import send_sample
from apps.users.selectors import caller


@action("live", "account_id")
def sample(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Back to the live page, where its tries appear."""
    try:
        send_sample(by=membership(caller(request), account_id))
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("live", account_id)
