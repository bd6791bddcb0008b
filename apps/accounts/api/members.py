"""Members; what is kept of a person."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import members, selectors
from apps.accounts.api.filters import MemberFilters
from apps.accounts.api.serializers import MemberSerializer, PersonSerializer
from apps.accounts.models import Member
from apps.accounts.policies import Right, authorise
from apps.common.api.envelope import received
from apps.common.api.pagination import Listing
from apps.common.api.schema import operation
from apps.common.api.views import Endpoint, checked, etag, expected_version, resource
from apps.common.errors import Missing
from apps.users.selectors import caller

_EXAMPLE = {
    "id": "0193f0c4-8f3e-7c51-9d0a-5b8f1f6f2a10",
    "account_id": "0193f0c4-8f3e-7c51-9d0a-5b8f1f6f2a11",
    "user_id": None,
    "email": "bob@example.com",
    "role_id": 2,
    "state": "invited",
    "created_at": "2026-11-21T10:00:00Z",
    "updated_at": "2026-11-21T10:00:00Z",
    "created_by": "0193f0c4-8f3e-7c51-9d0a-5b8f1f6f2a12",
    "updated_by": "0193f0c4-8f3e-7c51-9d0a-5b8f1f6f2a12",
}
_PERSON: dict[str, Any] = {
    "user": {"id": _EXAMPLE["created_by"], "email": "ada@example.com"},
    "memberships": [],
    "sign_ins": [],
    "browsers": [],
    "second_factors": [],
}
_ASKED = {"account_id": _EXAMPLE["account_id"], "email": "bob@example.com", "role_id": 2}


def _shown(member: Member) -> dict[str, Any]:
    return MemberSerializer(member).data


class MemberList(Listing):
    filters = MemberFilters
    orders = {"created_at": "id", "email": "user__email"}


class MembersOfAccountView(MemberList):
    @operation(
        "List the members of an account",
        answer=MemberSerializer,
        kind="page",
        errors=[400, 404],
        listing=MemberList,
        examples={"answer": _EXAMPLE},
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        member = selectors.membership(caller(request), account_id)
        return self.page(request, selectors.fellows([member.account_id]), _shown)


class MembersView(MemberList):
    @operation(
        "List the members of your accounts",
        answer=MemberSerializer,
        kind="page",
        errors=[400],
        listing=MemberList,
        examples={"answer": _EXAMPLE},
    )
    def get(self, request: Request) -> Response:
        return self.page(request, selectors.fellows(selectors.members_of(caller(request))), _shown)

    @operation(
        "Add a member",
        answer=MemberSerializer,
        kind="written",
        status=201,
        repeated=200,
        request=MemberSerializer,
        errors=[409],
        versioned=True,
        description="By `email`, with an invitation, the same for a known and an unknown one; or by `user_id`, somebody who "
        "shares an account with you. For who is still `invited`, in the same role, the mail is sent again: 200. At most 20 "
        "invitations a day for an account, 5 for an address.",
        examples={"answer": _EXAMPLE, "request": _ASKED},
    )
    def post(self, request: Request) -> Response:
        given = checked(MemberSerializer(data=request.data))
        try:
            by = selectors.membership(caller(request), given.pop("account_id"))
        except Missing:
            raise ValidationError({"account_id": ["There is no such account."]}) from None
        waiting = selectors.waiting_for(by.account_id, given.get("email", ""))
        if waiting is not None:
            member = members.invite_again(by=by, member=waiting, role_id=given["role_id"])
        else:
            member = members.add_member(by=by, **given)
        return received(_shown(member), 200 if waiting else 201, etag(member.version))


class MemberView(Endpoint):
    def find(self, request: Request, member_id: UUID) -> tuple[Member, Member]:
        """The member, and the caller's own place in the account. For who is in none of it, it does not exist."""
        own = selectors.members_of(caller(request))
        member = selectors.fellows(own).filter(pk=member_id).first()
        if member is None:
            raise Missing("No such member.")
        return member, own[member.account_id]

    @operation("Read a member", answer=MemberSerializer, versioned=True, examples={"answer": _EXAMPLE})
    def get(self, request: Request, member_id: UUID) -> Response:
        member, _ = self.find(request, member_id)
        return resource(request, _shown(member), member.version)

    @operation(
        "Replace a member's role",
        answer=MemberSerializer,
        kind="written",
        request=MemberSerializer,
        errors=[409],
        versioned=True,
        examples={"answer": _EXAMPLE, "request": _ASKED},
    )
    def put(self, request: Request, member_id: UUID) -> Response:
        return self._update(request, member_id, partial=False)

    @operation(
        "Change a member's role",
        answer=MemberSerializer,
        kind="written",
        request=MemberSerializer,
        errors=[409],
        versioned=True,
        examples={"answer": _EXAMPLE, "request": {"role_id": 1}},
    )
    def patch(self, request: Request, member_id: UUID) -> Response:
        return self._update(request, member_id, partial=True)

    @operation("Remove a member", kind="empty", errors=[409], versioned=True)
    def delete(self, request: Request, member_id: UUID) -> Response:
        member, by = self.find(request, member_id)
        members.remove_member(by=by, member=member, expected=expected_version(request))
        return Response(status=204)

    def _update(self, request: Request, member_id: UUID, *, partial: bool) -> Response:
        member, by = self.find(request, member_id)
        authorise(by.role.role_name, Right.MANAGE_MEMBERS)
        changes = checked(MemberSerializer(member, data=request.data, partial=partial))
        changed = members.update_member(by=by, member=member, changes=changes, expected=expected_version(request))
        return received(_shown(changed), headers=etag(changed.version))


class ExportMeView(Endpoint):
    cache_control = "no-store"

    @operation("Take your own data with you", answer=PersonSerializer, examples={"answer": _PERSON})
    def get(self, request: Request) -> Response:
        return Response(selectors.all_of(caller(request)))
