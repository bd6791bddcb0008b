"""The page of an account's exports."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render

from apps.accounts.policies import Right, authorise
from apps.accounts.selectors import frame, membership
from apps.common.errors import Conflict
from apps.common.pages import form, page
from apps.deliveries import selectors
from apps.deliveries.api.exports import as_download
from apps.deliveries.exports import start_export
from apps.deliveries.models import Export
from apps.users.selectors import caller


@form
def exports(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Those that are kept, with their progress; a post starts another."""
    member = membership(caller(request), account_id)
    authorise(member.role.role_name, Right.EXPORT)
    refused: dict[str, Any] = {}
    if request.method == "POST":
        try:
            start_export(by=member)
        except Conflict:
            refused = {"refused": "One is being written. Wait until it is done."}
        else:
            return redirect("exports", account_id)
    found = selectors.exports_of(member.account)
    running = any(export.state == Export.State.RUNNING for export in found)
    context = frame(member, "settings") | {"exports": found, "running": running} | refused
    return render(request, "deliveries/exports.html", context, status=409 if refused else 200)


@page
def download(request: HttpRequest, account_id: UUID, export_id: UUID) -> HttpResponseBase:
    member = membership(caller(request), account_id)
    authorise(member.role.role_name, Right.EXPORT)
    export = selectors.export_among([account_id], export_id)
    if export.state != Export.State.DONE:
        messages.warning(request, "It is not written yet.")
        return redirect("exports", account_id)
    return as_download(export)
