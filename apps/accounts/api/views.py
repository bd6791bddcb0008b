"""Accounts, their token and their history; the roles."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import selectors, services
from apps.accounts.api.serializers import (
    AccountSerializer,
    GraceSerializer,
    HistorySerializer,
    RoleSerializer,
    shown,
)
from apps.accounts.models import Member, Role
from apps.accounts.policies import Right, authorise
from apps.audit.selectors import history_of
from apps.common.api.envelope import received
from apps.common.api.pagination import Listing
from apps.common.api.views import Endpoint, checked, etag, expected_version, resource
from apps.users.selectors import caller


class OfAccount(Endpoint):
    """Below an account of which the caller is a member; for everybody else it does not exist."""

    def member(self, request: Request, account_id: UUID) -> Member:
        return selectors.membership(caller(request), account_id)


class AccountsView(Listing):
    def get(self, request: Request) -> Response:
        return self.page(request, selectors.visible_accounts(caller(request)), shown)

    def post(self, request: Request) -> Response:
        given = checked(AccountSerializer(data=request.data))
        account, token = services.create_account(by=caller(request), **given)
        account.refresh_from_db()
        return received(shown(account, app_secret_token=token), 201, etag(account.version) | {"Cache-Control": "no-store"})


class AccountView(OfAccount):
    def get(self, request: Request, account_id: UUID) -> Response:
        account = self.member(request, account_id).account
        return resource(request, shown(account), account.version)

    def put(self, request: Request, account_id: UUID) -> Response:
        return self._update(request, account_id, partial=False)

    def patch(self, request: Request, account_id: UUID) -> Response:
        return self._update(request, account_id, partial=True)

    def delete(self, request: Request, account_id: UUID) -> Response:
        services.delete_account(by=self.member(request, account_id), expected=expected_version(request))
        return Response(status=204)

    def _update(self, request: Request, account_id: UUID, *, partial: bool) -> Response:
        member = self.member(request, account_id)
        authorise(member.role.role_name, Right.UPDATE_ACCOUNT)
        changes = checked(AccountSerializer(member.account, data=request.data, partial=partial))
        account = services.update_account(by=member, changes=changes, expected=expected_version(request))
        return received(shown(account), headers=etag(account.version))


class TokenView(OfAccount):
    cache_control = "no-store"

    def get(self, request: Request, account_id: UUID) -> Response:
        return Response({"app_secret_token": services.reveal_token(by=self.member(request, account_id))})


class RotateTokenView(OfAccount):
    cache_control = "no-store"

    def post(self, request: Request, account_id: UUID) -> Response:
        member = self.member(request, account_id)
        given = checked(GraceSerializer(data=request.data))
        return received({"app_secret_token": services.rotate_token(by=member, **given)})


class HistoryView(OfAccount, Listing):
    def get(self, request: Request, account_id: UUID) -> Response:
        member = self.member(request, account_id)
        authorise(member.role.role_name, Right.SECRETS)
        return self.page(request, history_of(account_id), lambda entry: HistorySerializer(entry).data)


class RolesView(Listing):
    def get(self, request: Request) -> Response:
        return self.page(request, Role.objects.all(), lambda role: RoleSerializer(role).data)
