"""The page of an account's members."""

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from apps.accounts import members, selectors
from apps.accounts.api.members import MemberList
from apps.accounts.drafts import newcomer
from apps.accounts.forms import MemberForm, RoleForm
from apps.accounts.models import Member
from apps.accounts.policies import Right, authorise
from apps.common.api.browsing import browse
from apps.common.errors import Conflict, Missing
from apps.common.forms import only_checks
from apps.common.pages import action, form
from apps.users.selectors import caller


@form
def listed(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Who is in the account; a valid post invites one more. A check only says what is wrong so far."""
    by = selectors.membership(caller(request), account_id)
    if request.method != "POST":
        return _shown(request, by)
    authorise(by.role.role_name, Right.MANAGE_MEMBERS)
    asked, status = MemberForm(request.POST), 400
    if only_checks(request):
        return asked.verdict(partial(_judge, by))
    if asked.is_valid():
        try:
            made = members.add_member(by=by, **asked.cleaned_data)
        except ValidationError as error:
            asked.refuse(error)
        except Conflict as error:
            asked.add_error("email", str(error))
            status = 409
        else:
            messages.success(request, f"An invitation is on its way to {made.user.email}.")
            return redirect("members", account_id)
    return _shown(request, by, status, form=asked)


def _judge(by: Member, email: str = "", **_: int) -> None:
    """Whether too many were invited is said when it is sent."""
    try:
        newcomer(by, email)
    except Conflict as error:
        raise ValidationError({"email": str(error)}) from error


def _shown(request: HttpRequest, by: Member, status: int = 200, **more: Any) -> HttpResponse:
    found = selectors.fellows([by.account_id]).select_related("role")
    shelf = browse(MemberList(), request, found)
    context = selectors.frame(by, "members") | {"shelf": shelf, "form": MemberForm(), "by": by}
    return render(request, "accounts/members.html", context | more, status=max(status, shelf.status))


def _among(by: Member, member_id: UUID) -> Member:
    member = selectors.fellows([by.account_id]).filter(pk=member_id).first()
    if member is None:
        raise Missing("No such member.")
    return member


@action("members", "account_id")
def change(request: HttpRequest, account_id: UUID, member_id: UUID) -> HttpResponse:
    """Sets a member's role."""
    by = selectors.membership(caller(request), account_id)
    authorise(by.role.role_name, Right.MANAGE_MEMBERS)
    member, asked = _among(by, member_id), RoleForm(request.POST)
    if not asked.is_valid():
        return _shown(request, by, 400, refused={"member": member.pk, "why": "Choose one of the two roles."})
    try:
        changed = members.update_member(by=by, member=member, changes=asked.cleaned_data)
    except Conflict as error:
        return _shown(request, by, 409, refused={"member": member.pk, "why": str(error)})
    messages.success(request, f"{member.user.email} is {changed.role.role_name} now.")
    return redirect("members", account_id)


@action("members", "account_id")
def remove(request: HttpRequest, account_id: UUID, member_id: UUID) -> HttpResponse:
    """Takes a member out of the account. Who has left it oneself is shown the start."""
    by = selectors.membership(caller(request), account_id)
    authorise(by.role.role_name, Right.MANAGE_MEMBERS)
    member = _among(by, member_id)
    try:
        members.remove_member(by=by, member=member)
    except Conflict as error:
        return _shown(request, by, 409, refused={"member": member.pk, "why": str(error)})
    if member.user_id == by.user_id:
        messages.success(request, f"You have left {by.account.account_name}.")
        return redirect("home")
    messages.success(request, f"{member.user.email} is no longer a member.")
    return redirect("members", account_id)
