"""The start, the first page of an account, where the link of an invitation leads, and a person's own data."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from apps.accounts import invitations, members, selectors, services
from apps.accounts.drafts import change
from apps.accounts.forms import AccountForm, PasswordForm
from apps.accounts.models import Account, Role
from apps.common import mail
from apps.common.api.codec import JsonRenderer
from apps.common.errors import LimitReached, Missing
from apps.common.forms import only_checks
from apps.common.pages import page
from apps.users.selectors import caller


def switcher(request: HttpRequest) -> dict[str, Any]:
    """For every page's head; asked only where the head shows it."""
    return {"may_create_accounts": lambda: selectors.may_create_accounts(caller(request))}


def home(request: HttpRequest) -> HttpResponse:
    """The first account's live page; the form for a first account; or, signed out, what this is."""
    if not request.user.is_authenticated:
        return render(request, "home.html")
    accounts = selectors.accounts_of(request.user)
    return redirect("live", accounts[0].pk) if accounts else redirect("account-new")


@never_cache
@login_required
def new_account(request: HttpRequest) -> HttpResponse:
    """The form; after a valid post the page that shows the token, once. A token never enters a session or a URL.
    A check only says what is wrong so far."""
    user = caller(request)
    if not selectors.may_create_accounts(user):
        raise PermissionDenied
    if only_checks(request):
        return AccountForm(request.POST).verdict(lambda **asked: change(Account(created_by=user, updated_by=user), asked))
    form = AccountForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            account, token = services.create_account(by=user, **form.cleaned_data)
        except LimitReached as error:
            form.add_error(None, str(error))
            status = 409
        else:
            ingest_url = f"{settings.PUBLIC_URL}/server/incoming_data"
            context = {
                "account": account,
                "token": token,
                "ingest_url": ingest_url,
                "accounts": selectors.accounts_of(user),
                "role": Role.ADMIN,
            }
            return render(request, "accounts/created.html", context, status=201)
    elif form.errors:
        status = 400
    return render(request, "accounts/new.html", {"form": form, "accounts": selectors.accounts_of(user)}, status=status)


@never_cache
def invitation(request: HttpRequest, key: str) -> HttpResponse:
    """Where the link of an invitation leads. Looking at it does nothing: mail scanners look at every link."""
    member = invitations.invited_by(key)
    if member is None:
        return render(request, "accounts/invitation_over.html", status=404)
    form = None if member.trusted else PasswordForm(request.POST or None)
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            members.accept(key=key, password=form.cleaned_data["password"] if form else None)
        except Missing:
            return render(request, "accounts/invitation_over.html", status=404)
        except ValidationError as error:
            if form is None:
                raise
            form.add_error(None, error)
        else:
            messages.success(request, "You are in. Sign in to go on.")
            return redirect("account_login")
    status = 400 if form and form.errors else 200
    context = {"form": form, "email": member.user.email, "account_name": mail.plain(member.account.account_name)}
    return render(request, "accounts/invitation.html", context, status=status)


@page
def export_me(request: HttpRequest) -> HttpResponse:
    """What `auth/me/export/` answers, as a file."""
    headers = {"Content-Disposition": 'attachment; filename="data-pusher-me.json"'}
    kept = JsonRenderer().render(selectors.all_of(caller(request)))
    return HttpResponse(kept, content_type=JsonRenderer.media_type, headers=headers)
