"""The pages of a destination."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.accounts.models import Member
from apps.accounts.policies import Right, may
from apps.accounts.selectors import accounts_of, membership
from apps.common.errors import LimitReached, Missing, NotAllowed
from apps.destinations import selectors, services
from apps.destinations.forms import DestinationForm
from apps.users.selectors import caller


def _member(request: HttpRequest, account_id: UUID) -> Member:
    try:
        member = membership(caller(request), account_id)
    except Missing as error:
        raise Http404 from error
    if not may(member.role.role_name, Right.MANAGE_DESTINATIONS):
        raise PermissionDenied
    return member


@never_cache
@login_required
def new_destination(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """The form; after a valid post the page that shows the signing secret."""
    member = _member(request, account_id)
    form = DestinationForm(request.POST or None)
    context = {"form": form, "account": member.account, "accounts": accounts_of(member.user)}
    status = 400 if form.errors else 200
    if request.method == "POST" and form.is_valid():
        try:
            destination = services.create_destination(by=member, **form.cleaned_data)
        except ValidationError as error:
            form.refuse(error.error_dict)
            status = 400
        except LimitReached as error:
            form.add_error(None, str(error))
            status = 409
        else:
            context |= {"destination": destination, "signing_secret": destination.signing_secret}
            return render(request, "destinations/created.html", context, status=201)
    return render(request, "destinations/new.html", context, status=status)


@require_POST
@login_required
def act(request: HttpRequest, destination_id: UUID, account_id: UUID, action: str) -> HttpResponse:
    """Pauses, resumes or deletes, then shows the live page."""
    member = _member(request, account_id)
    try:
        destination = selectors.destination_of(member.account, destination_id)
        if action == "delete":
            services.delete_destination(destination=destination, by=member)
        else:
            {"pause": services.pause, "resume": services.resume}[action](destination=destination, by=member)
    except Missing as error:
        raise Http404 from error
    except NotAllowed as error:
        raise PermissionDenied from error
    return redirect("live", member.account_id)
