"""The pages of destinations, but for the one that shows how deliveries fare."""

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from apps.accounts.models import Member
from apps.accounts.policies import Right, authorise
from apps.accounts.selectors import frame, membership
from apps.common.api.browsing import browse
from apps.common.errors import LimitReached, Stale
from apps.common.forms import GraceForm, only_checks
from apps.common.pages import action, form, page
from apps.destinations import selectors, services
from apps.destinations.api.views import DestinationList
from apps.destinations.drafts import change, draft
from apps.destinations.forms import DestinationForm, SettingsForm
from apps.destinations.models import Destination
from apps.users.selectors import caller

# The receiver has to be changed too, often by other people: the same as over REST.
_GRACE_S = 86_400


@page
def listed(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """The account's destinations."""
    member = membership(caller(request), account_id)
    shelf = browse(DestinationList(), request, selectors.visible([account_id]))
    context = frame(member, "destinations") | {
        "shelf": shelf,
        "states": Destination.State.values,
        "elsewhere": shelf.elsewhere("search", "state"),
    }
    return render(request, "destinations/list.html", context, status=shelf.status)


@form
def new_destination(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """The form; after a valid post the page that shows the signing secret. A check only says what is wrong so far."""
    member = membership(caller(request), account_id)
    authorise(member.role.role_name, Right.MANAGE_DESTINATIONS)
    asked = DestinationForm(request.POST if request.method == "POST" else None)
    if only_checks(request):
        return asked.verdict(partial(draft, member))
    context = frame(member, "destinations") | {"form": asked}
    status = 400 if asked.errors else 200
    if request.method == "POST" and asked.is_valid():
        try:
            destination = services.create_destination(by=member, **asked.cleaned_data)
        except ValidationError as error:
            asked.refuse(error)
            status = 400
        except LimitReached as error:
            asked.add_error(None, str(error))
            status = 409
        else:
            context |= {"destination": destination, "signing_secret": destination.signing_secret}
            return render(request, "destinations/created.html", context, status=201)
    return render(request, "destinations/new.html", context, status=status)


@form
def settings(request: HttpRequest, account_id: UUID, destination_id: UUID) -> HttpResponse:
    """The form; after a valid post the destination's page. A check only says what is wrong so far."""
    member = membership(caller(request), account_id)
    destination = selectors.destination_of(member.account, destination_id)
    asked, status = SettingsForm(request.POST) if request.method == "POST" else SettingsForm.of(destination), 200
    if only_checks(request):
        authorise(member.role.role_name, Right.UPDATE_DESTINATIONS)
        return asked.verdict(partial(_judge, destination))
    if request.method == "POST":
        status = 400
        if asked.is_valid():
            changes = dict(asked.cleaned_data)
            version = changes.pop("version")
            try:
                services.update_destination(destination=destination, by=member, changes=changes, expected=version)
            except ValidationError as error:
                asked.refuse(error)
            except Stale:
                asked.renew(destination.version)
                status = 409
            else:
                messages.success(request, "Saved. Tries from now on follow these settings.")
                return redirect("destination", account_id, destination_id)
    context = frame(member, "destinations") | {"destination": destination, "form": asked, "tab": "settings"}
    return render(request, "destinations/settings.html", context, status=status)


def _judge(destination: Destination, version: int | None = None, **changes: Any) -> None:
    """Whether another version is stored by now is said when it is saved."""
    change(destination, changes)


@page
def signing(request: HttpRequest, account_id: UUID, destination_id: UUID) -> HttpResponse:
    """How a receiver verifies the signature; for Admins, with which secret."""
    member = membership(caller(request), account_id)
    return _signing(request, member, selectors.destination_of(member.account, destination_id))


def _signing(request: HttpRequest, member: Member, destination: Destination, status: int = 200, **more: Any) -> HttpResponse:
    context = frame(member, "destinations") | {"destination": destination, "tab": "signing"}
    context["grace"] = GraceForm(initial={"grace_seconds": _GRACE_S})
    return render(request, "destinations/signing.html", context | more, status=status)


@action("destination-signing", "account_id", "destination_id")
def reveal(request: HttpRequest, account_id: UUID, destination_id: UUID) -> HttpResponse:
    """The same page with the secret in it; never kept by a browser."""
    member = membership(caller(request), account_id)
    destination = selectors.destination_of(member.account, destination_id)
    return _signing(request, member, destination, secret=services.reveal_secret(destination=destination, by=member))


@action("destination-signing", "account_id", "destination_id")
def rotate(request: HttpRequest, account_id: UUID, destination_id: UUID) -> HttpResponse:
    """The same page with the new secret in it."""
    member = membership(caller(request), account_id)
    destination = selectors.destination_of(member.account, destination_id)
    authorise(member.role.role_name, Right.SECRETS)
    asked = GraceForm(request.POST)
    if not asked.is_valid():
        return _signing(request, member, destination, 400, grace=asked)
    grace = asked.cleaned_data["grace_seconds"]
    secret = services.rotate_secret(destination=destination, by=member, grace_seconds=grace)
    return _signing(request, member, destination, secret=secret, is_new=True, grace_seconds=grace)


@action("destination", "account_id", "destination_id")
def pause(request: HttpRequest, account_id: UUID, destination_id: UUID) -> HttpResponse:
    member = membership(caller(request), account_id)
    services.pause(destination=selectors.destination_of(member.account, destination_id), by=member)
    return _back(request, account_id, destination_id)


@action("destination", "account_id", "destination_id")
def resume(request: HttpRequest, account_id: UUID, destination_id: UUID) -> HttpResponse:
    member = membership(caller(request), account_id)
    services.resume(destination=selectors.destination_of(member.account, destination_id), by=member)
    return _back(request, account_id, destination_id)


def _back(request: HttpRequest, account_id: UUID, destination_id: UUID) -> HttpResponse:
    """To the page whose button it was."""
    if "live" in request.POST:
        return redirect("live", account_id)
    return redirect("destination", account_id, destination_id)


@action("destination", "account_id", "destination_id")
def delete(request: HttpRequest, account_id: UUID, destination_id: UUID) -> HttpResponse:
    member = membership(caller(request), account_id)
    destination = selectors.destination_of(member.account, destination_id)
    services.delete_destination(destination=destination, by=member)
    messages.success(request, f"{destination.name} is deleted. Its logs stay.")
    return redirect("live" if "live" in request.POST else "destinations", account_id)
