"""The page of an account's settings: name and website, the app secret token, deleting it."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings as setup
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from apps.accounts import services
from apps.accounts.drafts import change
from apps.accounts.forms import SettingsForm
from apps.accounts.models import Account, Member
from apps.accounts.policies import Right, authorise
from apps.accounts.selectors import frame, membership
from apps.common.errors import Stale
from apps.common.forms import GraceForm, only_checks
from apps.common.pages import action, form
from apps.users.selectors import caller

_GRACE_S = 3600


@form
def settings(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """The forms; a valid post changes name and website. A check only says what is wrong so far."""
    member = membership(caller(request), account_id)
    if request.method != "POST":
        return _shown(request, member)
    asked = SettingsForm(request.POST)
    if only_checks(request):
        authorise(member.role.role_name, Right.UPDATE_ACCOUNT)
        return asked.verdict(partial(_judge, member.account))
    if not asked.is_valid():
        return _shown(request, member, 400, form=asked)
    changes = {name: asked.cleaned_data[name] for name in ("account_name", "website")}
    try:
        services.update_account(by=member, changes=changes, expected=asked.cleaned_data["version"])
    except ValidationError as error:
        asked.refuse(error)
        return _shown(request, member, 400, form=asked)
    except Stale:
        asked.renew(member.account.version)
        return _shown(request, member, 409, form=asked)
    messages.success(request, "Saved.")
    return redirect("settings", account_id)


def _judge(account: Account, **asked: Any) -> None:
    """Whether another version is stored by now is said when it is saved."""
    asked.pop("version", None)
    change(account, asked)


def _shown(request: HttpRequest, member: Member, status: int = 200, **more: Any) -> HttpResponse:
    account = member.account
    now = {"account_name": account.account_name, "website": account.website, "version": account.version}
    context = frame(member, "settings") | {
        "form": SettingsForm(initial=now),
        "grace": GraceForm(initial={"grace_seconds": _GRACE_S}),
        "until": timezone.now() + timedelta(days=setup.PURGE_AFTER_DAYS),
        "ingest_url": f"{setup.PUBLIC_URL}/server/incoming_data",
    }
    return render(request, "accounts/settings.html", context | more, status=status)


@action("settings", "account_id")
def reveal(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """The settings with the token in them; never kept by a browser."""
    member = membership(caller(request), account_id)
    return _shown(request, member, token=services.reveal_token(by=member))


@action("settings", "account_id")
def rotate(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """The settings with the new token in them."""
    member = membership(caller(request), account_id)
    authorise(member.role.role_name, Right.SECRETS)
    asked = GraceForm(request.POST)
    if not asked.is_valid():
        return _shown(request, member, 400, grace=asked)
    token = services.rotate_token(by=member, grace_seconds=asked.cleaned_data["grace_seconds"])
    return _shown(request, member, token=token, is_new=True, grace_seconds=asked.cleaned_data["grace_seconds"])


@action("settings", "account_id")
def delete(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Hides the account, says until when it can be brought back, and shows the start."""
    member = membership(caller(request), account_id)
    services.delete_account(by=member)
    until = timezone.now() + timedelta(days=setup.PURGE_AFTER_DAYS)
    name = member.account.account_name
    back = f"An operator can bring it back until {until:%d %b %Y %H:%M} UTC: its id is {account_id}."
    messages.success(request, f"{name} is deleted. {back}")
    return redirect("home")
