"""Accounts, their token and their history; the roles."""

from uuid import UUID

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import selectors, services
from apps.accounts.api.filters import AccountFilters, HistoryFilters
from apps.accounts.api.serializers import (
    ACCOUNT,
    ACCOUNT_WRITE,
    HISTORY,
    ROLE,
    TOKEN,
    AccountSerializer,
    HistorySerializer,
    NewAccountSerializer,
    RoleSerializer,
    TokenGraceSerializer,
    TokenSerializer,
    shown,
)
from apps.accounts.models import Member, Role
from apps.accounts.policies import Right, authorise
from apps.audit.selectors import history_of
from apps.common.api.browsing import Shelf, browse
from apps.common.api.envelope import received
from apps.common.api.pagination import Listing
from apps.common.api.schema import operation
from apps.common.api.views import Endpoint, checked, etag, expected_version, resource
from apps.common.errors import Missing
from apps.users.selectors import caller


class OfAccount(Endpoint):
    """Below an account of which the caller is a member; for everybody else it does not exist."""

    def member(self, request: Request, account_id: UUID) -> Member:
        return selectors.membership(caller(request), account_id)


class AccountsView(Listing):
    filters = AccountFilters
    orders = {"created_at": "id", "account_name": "account_name"}

    @operation("The accounts that you may read", answer=AccountSerializer, kind="page", examples={"answer": ACCOUNT})
    def get(self, request: Request) -> Response:
        return self.page(request, selectors.visible_accounts(caller(request)), shown)

    @operation(
        "Create an account",
        description="You are its Admin. The app secret token stands in this answer.",
        request=NewAccountSerializer,
        answer=NewAccountSerializer,
        kind="written",
        status=201,
        errors=(409,),
        versioned=True,
        examples={"request": ACCOUNT_WRITE, "answer": ACCOUNT | TOKEN},
    )
    def post(self, request: Request) -> Response:
        given = checked(NewAccountSerializer(data=request.data))
        account, token = services.create_account(by=caller(request), **given)
        account.refresh_from_db()
        return received(shown(account, app_secret_token=token), 201, etag(account.version) | {"Cache-Control": "no-store"})


class AccountView(OfAccount):
    @operation("An account", answer=AccountSerializer, versioned=True, examples={"answer": ACCOUNT})
    def get(self, request: Request, account_id: UUID) -> Response:
        account = self.member(request, account_id).account
        return resource(request, shown(account), account.version)

    @operation(
        "Replace an account's name and website",
        request=NewAccountSerializer,
        answer=AccountSerializer,
        kind="written",
        versioned=True,
        examples={"request": ACCOUNT_WRITE, "answer": ACCOUNT},
    )
    def put(self, request: Request, account_id: UUID) -> Response:
        return self._update(request, account_id, partial=False)

    @operation(
        "Change an account's name or website",
        request=NewAccountSerializer,
        answer=AccountSerializer,
        kind="written",
        versioned=True,
        examples={"request": {"website": "https://northwind.example"}, "answer": ACCOUNT},
    )
    def patch(self, request: Request, account_id: UUID) -> Response:
        return self._update(request, account_id, partial=True)

    @operation(
        "Delete an account",
        description="Hidden at once, its token stops; purged for good after PURGE_AFTER_DAYS.",
        kind="empty",
        versioned=True,
    )
    def delete(self, request: Request, account_id: UUID) -> Response:
        services.delete_account(by=self.member(request, account_id), expected=expected_version(request))
        return Response(status=204)

    def _update(self, request: Request, account_id: UUID, *, partial: bool) -> Response:
        member = self.member(request, account_id)
        authorise(member.role.role_name, Right.UPDATE_ACCOUNT)
        changes = checked(NewAccountSerializer(member.account, data=request.data, partial=partial))
        account = services.update_account(by=member, changes=changes, expected=expected_version(request))
        return received(shown(account), headers=etag(account.version))


class TokenView(OfAccount):
    cache_control = "no-store"

    @operation(
        "Reveal the app secret token",
        description="Who saw it stands in the history.",
        answer=TokenSerializer,
        errors=(403,),
        examples={"answer": TOKEN},
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        return Response({"app_secret_token": services.reveal_token(by=self.member(request, account_id))})


class RotateTokenView(OfAccount):
    cache_control = "no-store"

    @operation(
        "Make a new app secret token",
        description="The present one works for `grace_seconds` more; any older one ends now.",
        request=TokenGraceSerializer,
        answer=TokenSerializer,
        kind="written",
        examples={"request": {"grace_seconds": 600}, "answer": TOKEN},
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        member = self.member(request, account_id)
        given = checked(TokenGraceSerializer(data=request.data))
        return received({"app_secret_token": services.rotate_token(by=member, **given)})


class HistoryView(OfAccount, Listing):
    filters = HistoryFilters
    orders = {"at": "id"}
    order = "-at"

    @operation("Who changed what", answer=HistorySerializer, kind="page", errors=(403,), examples={"answer": HISTORY})
    def get(self, request: Request, account_id: UUID) -> Response:
        member = self.member(request, account_id)
        authorise(member.role.role_name, Right.SECRETS)
        return self.page(request, history_of(account_id), lambda entry: HistorySerializer(entry).data)


def history_page(request: HttpRequest, account_id: UUID) -> Shelf:
    """For the page of the browser.

    Raises:
        Missing: something in the query is malformed; none of our links leads there.
    """
    shelf = browse(HistoryView(), request, history_of(account_id))
    if shelf.errors:
        raise Missing("No such page.")
    return shelf


class RolesView(Listing):
    orders = {"id": "id"}
    order = "id"

    @operation("The roles", answer=RoleSerializer, kind="page", examples={"answer": ROLE})
    def get(self, request: Request) -> Response:
        return self.page(request, Role.objects.all(), lambda role: RoleSerializer(role).data)
