"""The pages of an account."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from apps.accounts import selectors, services
from apps.accounts.forms import AccountForm
from apps.common.errors import LimitReached
from apps.users.selectors import caller


def home(request: HttpRequest) -> HttpResponse:
    """The first account's live page; the form for a first account; or, signed out, what this is."""
    if not request.user.is_authenticated:
        return render(request, "home.html")
    accounts = selectors.accounts_of(request.user)
    return redirect("live", accounts[0].pk) if accounts else redirect("account-new")


@never_cache
@login_required
def new_account(request: HttpRequest) -> HttpResponse:
    """The form; after a valid post the page that shows the token, once. A token never enters a session or a URL."""
    user = caller(request)
    if not selectors.may_create_accounts(user):
        raise PermissionDenied
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
            }
            return render(request, "accounts/created.html", context, status=201)
    elif form.errors:
        status = 400
    return render(request, "accounts/new.html", {"form": form, "accounts": selectors.accounts_of(user)}, status=status)
