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
from apps.common.api.schema import operation
from apps.common.api.serializers import Nothing
from apps.common.api.views import Endpoint, checked, etag, expected_version, resource
from apps.common.errors import Missing
from apps.destinations import selectors, services
from apps.destinations.api.filters import DestinationFilters
from apps.destinations.api.serializers import (
    DESTINATION,
    DESTINATION_WRITE,
    SECRET,
    DestinationSerializer,
    NewDestinationSerializer,
    SecretGraceSerializer,
    SecretSerializer,
    shown,
)
from apps.destinations.models import Destination
from apps.users.selectors import caller


def _values(member: Member) -> bool:
    return may(member.role.role_name, Right.SECRETS)


class DestinationList(Listing):
    filters = DestinationFilters
    orders = {"created_at": "id", "name": "name"}


class DestinationsOfAccountView(DestinationList):
    @operation("The account's destinations", answer=DestinationSerializer, kind="page", examples={"answer": DESTINATION})
    def get(self, request: Request, account_id: UUID) -> Response:
        member = membership(caller(request), account_id)
        rows = selectors.visible([member.account_id])
        return self.page(request, rows, lambda row: shown(row, values=_values(member)))


class DestinationsView(DestinationList):
    @operation(
        "The destinations of all your accounts", answer=DestinationSerializer, kind="page", examples={"answer": DESTINATION}
    )
    def get(self, request: Request) -> Response:
        members = members_of(caller(request))
        rows = selectors.visible(members)
        return self.page(request, rows, lambda row: shown(row, values=_values(members[row.account_id])))

    @operation(
        "Create a destination",
        description="The signing secret stands in this answer.",
        request=NewDestinationSerializer,
        answer=NewDestinationSerializer,
        kind="written",
        status=201,
        errors=(409,),
        versioned=True,
        examples={"request": DESTINATION_WRITE, "answer": DESTINATION | SECRET},
    )
    def post(self, request: Request) -> Response:
        given = checked(NewDestinationSerializer(data=request.data))
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
    @operation(
        "A destination",
        description="Header values are masked for a Normal user.",
        answer=DestinationSerializer,
        versioned=True,
        examples={"answer": DESTINATION},
    )
    def get(self, request: Request, destination_id: UUID) -> Response:
        destination, member = self.find(request, destination_id)
        return resource(request, shown(destination, values=_values(member)), destination.version, destination.breaker.turned)

    @operation(
        "Replace a destination's settings",
        description="A change of scheme, host or port needs every header value anew.",
        request=NewDestinationSerializer,
        answer=DestinationSerializer,
        kind="written",
        versioned=True,
        examples={"request": DESTINATION_WRITE, "answer": DESTINATION},
    )
    def put(self, request: Request, destination_id: UUID) -> Response:
        return self._update(request, destination_id, partial=False)

    @operation(
        "Change some of a destination's settings",
        description="A change of scheme, host or port needs every header value anew.",
        request=NewDestinationSerializer,
        answer=DestinationSerializer,
        kind="written",
        versioned=True,
        examples={"request": {"timeout_s": 5}, "answer": DESTINATION | {"timeout_s": 5, "version": 2}},
    )
    def patch(self, request: Request, destination_id: UUID) -> Response:
        return self._update(request, destination_id, partial=True)

    @operation(
        "Delete a destination",
        description="Hidden at once; what waits for it is cancelled; its logs stay.",
        kind="empty",
        versioned=True,
    )
    def delete(self, request: Request, destination_id: UUID) -> Response:
        destination, member = self.find(request, destination_id)
        services.delete_destination(destination=destination, by=member, expected=expected_version(request))
        return Response(status=204)

    def _update(self, request: Request, destination_id: UUID, *, partial: bool) -> Response:
        destination, member = self.find(request, destination_id)
        authorise(member.role.role_name, Right.UPDATE_DESTINATIONS)
        changes = checked(NewDestinationSerializer(destination, data=request.data, partial=partial))
        changes.pop("account_id", None)
        version = expected_version(request)
        changed = services.update_destination(destination=destination, by=member, changes=changes, expected=version)
        return self.written(changed, member)


class PauseView(OfDestination):
    @operation(
        "Pause a destination",
        description="Its deliveries wait, and use up no tries.",
        answer=DestinationSerializer,
        kind="written",
        request=Nothing,
        versioned=True,
        examples={"request": {}, "answer": DESTINATION | {"state": "paused", "version": 2}},
    )
    def post(self, request: Request, destination_id: UUID) -> Response:
        destination, member = self.find(request, destination_id)
        authorise(member.role.role_name, Right.MANAGE_DESTINATIONS)
        checked(Nothing(data=request.data))
        return self.written(services.pause(destination=destination, by=member), member)


class ResumeView(OfDestination):
    @operation(
        "Resume a destination",
        description="A paused one, or one that the system disabled.",
        answer=DestinationSerializer,
        kind="written",
        request=Nothing,
        versioned=True,
        examples={"request": {}, "answer": DESTINATION | {"version": 3}},
    )
    def post(self, request: Request, destination_id: UUID) -> Response:
        destination, member = self.find(request, destination_id)
        authorise(member.role.role_name, Right.MANAGE_DESTINATIONS)
        checked(Nothing(data=request.data))
        return self.written(services.resume(destination=destination, by=member), member)


class SecretView(OfDestination):
    cache_control = "no-store"

    @operation(
        "Reveal the signing secret",
        description="Who saw it stands in the history.",
        answer=SecretSerializer,
        errors=(403,),
        examples={"answer": SECRET},
    )
    def get(self, request: Request, destination_id: UUID) -> Response:
        destination, member = self.find(request, destination_id)
        return Response({"signing_secret": services.reveal_secret(destination=destination, by=member)})


class RotateSecretView(OfDestination):
    cache_control = "no-store"

    @operation(
        "Make a new signing secret",
        description="The present one signs too for `grace_seconds` more; any older one ends now.",
        request=SecretGraceSerializer,
        answer=SecretSerializer,
        kind="written",
        examples={"request": {"grace_seconds": 86_400}, "answer": SECRET},
    )
    def post(self, request: Request, destination_id: UUID) -> Response:
        destination, member = self.find(request, destination_id)
        authorise(member.role.role_name, Right.SECRETS)
        given = checked(SecretGraceSerializer(data=request.data))
        return received({"signing_secret": services.rotate_secret(destination=destination, by=member, **given)})
