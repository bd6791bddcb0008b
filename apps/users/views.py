"""Where a person is signed in, and what is kept of them."""

from uuid import UUID

from allauth.account.decorators import verified_email_required
from allauth.account.views import email as allauth_email
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.common.errors import Conflict
from apps.common.pages import form
from apps.users import services
from apps.users.erasing import erase
from apps.users.forms import LeavingForm
from apps.users.selectors import browsers_of, caller, sign_ins_of

_change_email = verified_email_required(allauth_email)


@login_required
def email(request: HttpRequest) -> HttpResponse:
    """django-allauth's page. It takes an unproved e-mail for one still to come and would leave the user without any."""
    if request.method == "POST":
        services.count_as_proved(user=caller(request))
    answer: HttpResponse = (_change_email if request.method == "POST" else allauth_email)(request)
    return answer


@never_cache
@login_required
@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    """The browsers and REST clients that are signed in, each with a button to end it."""
    user = caller(request)
    context = {"browsers": browsers_of(user), "clients": sign_ins_of(user), "here": request.session.session_key}
    return render(request, "users/sessions.html", context)


@require_POST
@login_required
def end_browser(request: HttpRequest, session_id: int) -> HttpResponse:
    services.end_browser(user=caller(request), session_id=session_id)
    return redirect("sessions")


@require_POST
@login_required
def end_client(request: HttpRequest, sign_in_id: UUID) -> HttpResponse:
    services.end_sign_in(user=caller(request), sign_in_id=sign_in_id)
    return redirect("sessions")


@form
def own_data(request: HttpRequest) -> HttpResponse:
    """A copy of all that is kept of the person, and, after a post with the password, none of it."""
    user = caller(request)
    asked, status = LeavingForm(request.POST if request.method == "POST" else None), 200
    if request.method == "POST":
        status = 400
        if asked.is_valid():
            try:
                services.check_present_password(user=user, password=asked.cleaned_data["password"])
                erase(user=user)
            except ValidationError as error:
                asked.refuse(error)
            except Conflict as error:
                asked.add_error("password", f"{error} Nothing was deleted.")
                status = 409
            else:
                logout(request)
                messages.success(request, "You are deleted: nothing here leads to you any more.")
                return redirect("home")
    return render(request, "users/data.html", {"form": asked}, status=status)
