"""What a person sets going: replay, cancel, a test of a destination."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.policies import Right, authorise
from apps.accounts.selectors import members_of
from apps.common.api.envelope import received
from apps.common.api.pagination import Listing
from apps.common.api.schema import operation
from apps.common.api.serializers import Nothing, Strict
from apps.common.api.views import Endpoint, checked
from apps.common.errors import Missing
from apps.deliveries import probe, selectors, services
from apps.deliveries.api.serializers import DELIVERY, DeliveriesSerializer, DeliverySerializer
from apps.destinations.selectors import visible
from apps.logs.api.serializers import TimingsSerializer
from apps.users.selectors import caller


class ReplaySerializer(Strict):
    destination_id = serializers.UUIDField(required=False, allow_null=True, default=None, help_text="null: all of them")


class ReplayView(Listing):
    @operation(
        "Send an event again",
        answer=DeliveriesSerializer,
        kind="written",
        status=201,
        request=ReplaySerializer,
        errors=(400, 403, 404, 409),
        examples={"answer": [DELIVERY], "request": {"destination_id": DELIVERY["destination_id"]}},
        description="New deliveries with the same `webhook-id`: to one of its destinations, or to all that are not deleted.",
    )
    def post(self, request: Request, event_id: UUID) -> Response:
        members = members_of(caller(request))
        found = selectors.event_among(members, event_id)
        by = members[found.account_id]
        authorise(by.role.role_name, Right.SEND_AGAIN)
        given = checked(ReplaySerializer(data=request.data))
        made = services.replay(event=found, by=by, **given)
        ids = [delivery.pk for delivery in made]
        shown = selectors.deliveries_among([found.account_id]).filter(event=found, pk__in=ids).order_by("pk")
        return received(DeliveriesSerializer(shown).data, 201)

    @operation(
        "List an event's replays",
        answer=DeliverySerializer,
        kind="page",
        errors=(400, 404),
        listing=Listing,
        examples={"answer": DELIVERY},
        description="Each names in `replay_of` the first delivery of the event to its destination.",
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        found = selectors.event_among(members_of(caller(request)), event_id)
        rows = selectors.deliveries_among([found.account_id]).filter(event=found, replay_of__isnull=False)
        return self.page(request, rows, lambda row: DeliverySerializer(row).data)


class CancelView(Endpoint):
    @operation(
        "Cancel a delivery",
        answer=DeliverySerializer,
        kind="written",
        request=Nothing,
        errors=(403, 404, 409),
        examples={"request": {}, "answer": DELIVERY | {"status": "cancelled", "reason": "by_person", "next_attempt_at": None}},
        description="A try that is in the air may still arrive; its result is logged as late and changes nothing.",
    )
    def post(self, request: Request, delivery_id: UUID) -> Response:
        members = members_of(caller(request))
        delivery = selectors.delivery_among(members, delivery_id)
        authorise(members[delivery.account_id].role.role_name, Right.SEND_AGAIN)
        checked(Nothing(data=request.data))
        services.cancel(delivery=delivery, by=members[delivery.account_id])
        return received(DeliverySerializer(selectors.delivery_among(members, delivery_id)).data)


@extend_schema_field({"oneOf": [{"type": "object"}, {"type": "array", "items": {}}]})
class _Json(serializers.JSONField):
    """As it came: the service looks at it, and DRF's own look fails on deep nesting."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class TestSerializer(Strict):
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # Not declared in the class: `data` is an attribute of every serializer.
        return {"data": _Json(required=False, help_text="an object or array that is sent, at most 64 KiB; else a sample")}


class SentSerializer(Strict):
    method = serializers.CharField(read_only=True)
    url = serializers.CharField(read_only=True)
    headers = serializers.DictField(child=serializers.CharField(), read_only=True)
    body = serializers.CharField(read_only=True, allow_null=True)


class TestedSerializer(Strict):
    sent = SentSerializer(read_only=True, allow_null=True, help_text="null: the URL would be too long, so nothing was sent")
    address = serializers.CharField(read_only=True, help_text="the address that was dialled, or empty")
    response_status = serializers.IntegerField(read_only=True, allow_null=True)
    latency_ms = serializers.IntegerField(read_only=True, allow_null=True)
    timings = TimingsSerializer(read_only=True, help_text="null in it: no such part, or not reached")
    error = serializers.CharField(read_only=True)
    response_headers = serializers.DictField(child=serializers.CharField(), read_only=True)
    response_body = serializers.CharField(read_only=True)


_TESTED = {
    "sent": {
        "method": "POST",
        "url": "https://hooks.example.com/in",
        "headers": {"Authorization": "********", "webhook-id": "test_019aa5d27a107c3e9b1f1f2e3d4c5b6a"},
        "body": '{"test":true}',
    },
    "address": "203.0.113.7",
    "response_status": 200,
    "latency_ms": 87,
    "timings": {"dns_ms": 2, "connect_ms": 9, "tls_ms": 31, "first_byte_ms": 45},
    "error": "",
    "response_headers": {"Content-Type": "text/plain"},
    "response_body": "ok",
}


class TestView(Endpoint):
    cache_control = "no-store"

    @operation(
        "Send a test to a destination",
        answer=TestedSerializer,
        kind="written",
        request=TestSerializer,
        errors=(400, 403, 404),
        examples={"answer": _TESTED, "request": {"data": {"hello": "world"}}},
        description="Once, to the stored URL, signed like any delivery. No log, no retry. 10 a minute for an account.",
    )
    def post(self, request: Request, destination_id: UUID) -> Response:
        members = members_of(caller(request))
        destination = visible(members).filter(pk=destination_id).first()
        if destination is None:
            raise Missing("No such destination.")
        by = members[destination.account_id]
        authorise(by.role.role_name, Right.MANAGE_DESTINATIONS)
        given = checked(TestSerializer(data=request.data))
        return received(TestedSerializer(probe.send_test(destination=destination, by=by, **given)).data)
