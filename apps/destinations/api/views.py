"""Destinations: CRUD, pause and resume, the signing secret."""

from uuid import UUID

from django.core.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import Member
from apps.accounts.policies import Right, authorise, may
from apps.accounts.selectors import members_of, membership
from apps.common.api.envelope import received
from apps.common.api.pagination import Listing
from apps.common.api.views import Endpoint, checked, etag, expected_version, resource
from apps.common.errors import Missing
from apps.destinations import selectors, services
from apps.destinations.api.serializers import DestinationSerializer, GraceSerializer, shown
from apps.destinations.models import Destination
from apps.users.selectors import caller


def _values(member: Member) -> bool:
    return may(member.role.role_name, Right.SECRETS)


class DestinationsOfAccountView(Listing):
    def get(self, request: Request, account_id: UUID) -> Response:
        member = membership(caller(request), account_id)
        rows = selectors.visible([member.account_id])
        return self.page(request, rows, lambda row: shown(row, values=_values(member)))


class DestinationsView(Listing):
    def get(self, request: Request) -> Response:
        members = members_of(caller(request))
        rows = selectors.visible(members)
        return self.page(request, rows, lambda row: shown(row, values=_values(members[row.account_id])))

    def post(self, request: Request) -> Response:
        given = checked(DestinationSerializer(data=request.data))
        try:
            member = membership(caller(request), given.pop("account_id"))
        except Missing:
            raise ValidationError({"account_id": ["There is no such account."]}) from None
        destination = services.create_destination(by=member, **given)
        destination.refresh_from_db()
        answer = shown(destination, values=True, signing_secret=destination.signing_secret)
        return received(answer, 201, etag(destination.version) | {"Cache-Control": "no-store"})


class OfDestination(Endpoint):
    """Below a destination of an account of which the caller is a member; for everybody else it does not exist."""

    def find(self, request: Request, destination_id: UUID) -> tuple[Destination, Member]:
        members = members_of(caller(request))
        destination = selectors.visible(members).filter(pk=destination_id).first()
        if destination is None:
            raise Missing("No such destination.")
        return destination, members[destination.account_id]

    def written(self, destination: Destination, member: Member) -> Response:
        return received(shown(destination, values=_values(member)), headers=etag(destination.version))


class DestinationView(OfDestination):
    def get(self, request: Request, destination_id: UUID) -> Response:
        destination, member = self.find(request, destination_id)
        return resource(request, shown(destination, values=_values(member)), destination.version)

    def put(self, request: Request, destination_id: UUID) -> Response:
        return self._update(request, destination_id, partial=False)

    def patch(self, request: Request, destination_id: UUID) -> Response:
        return self._update(request, destination_id, partial=True)

    def delete(self, request: Request, destination_id: UUID) -> Response:
        destination, member = self.find(request, destination_id)
        services.delete_destination(destination=destination, by=member, expected=expected_version(request))
        return Response(status=204)

    def _update(self, request: Request, destination_id: UUID, *, partial: bool) -> Response:
        destination, member = self.find(request, destination_id)
        authorise(member.role.role_name, Right.UPDATE_DESTINATIONS)
        changes = checked(DestinationSerializer(destination, data=request.data, partial=partial))
        changes.pop("account_id", None)
        version = expected_version(request)
        changed = services.update_destination(destination=destination, by=member, changes=changes, expected=version)
        return self.written(changed, member)


class PauseView(OfDestination):
    def post(self, request: Request, destination_id: UUID) -> Response:
        destination, member = self.find(request, destination_id)
        return self.written(services.pause(destination=destination, by=member), member)


class ResumeView(OfDestination):
    def post(self, request: Request, destination_id: UUID) -> Response:
        destination, member = self.find(request, destination_id)
        return self.written(services.resume(destination=destination, by=member), member)


class SecretView(OfDestination):
    cache_control = "no-store"

    def get(self, request: Request, destination_id: UUID) -> Response:
        destination, member = self.find(request, destination_id)
        return Response({"signing_secret": services.reveal_secret(destination=destination, by=member)})


class RotateSecretView(OfDestination):
    cache_control = "no-store"

    def post(self, request: Request, destination_id: UUID) -> Response:
        destination, member = self.find(request, destination_id)
        authorise(member.role.role_name, Right.SECRETS)
        given = checked(GraceSerializer(data=request.data))
        return received({"signing_secret": services.rotate_secret(destination=destination, by=member, **given)})
