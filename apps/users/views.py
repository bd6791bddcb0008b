"""Where a person is signed in."""

from uuid import UUID

from allauth.account.decorators import verified_email_required
from allauth.account.views import email as allauth_email
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.users import services
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
