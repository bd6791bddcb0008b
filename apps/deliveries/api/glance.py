"""How an account fares, at a glance."""

from uuid import UUID

import django_filters
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.selectors import membership
from apps.common.api.filters import Filters, asked
from apps.common.api.schema import operation
from apps.common.api.serializers import Strict
from apps.common.api.views import Endpoint
from apps.deliveries.api.serializers import TRIES, LatencySerializer, TriesSerializer
from apps.deliveries.glance import SPANS, Glance, Health, glance, health_of, reason_of
from apps.destinations.selectors import destination_of, destinations_of
from apps.logs.models import Log
from apps.users.selectors import caller

_STATES = ("healthy", "failing", "breaker", "paused", "disabled", "idle")


class GlanceFilters(Filters):
    span = django_filters.ChoiceFilter(choices=[(name, name) for name in SPANS], help_text="15m, unless given")
    destination_id = django_filters.UUIDFilter(help_text="all of them, unless given")


class LedgerSerializer(Strict):
    """Deliveries of all time: `accepted` is the sum of the others."""

    accepted = serializers.IntegerField(read_only=True, help_text="by posts and replays")
    delivered = serializers.IntegerField(read_only=True)
    waiting = serializers.IntegerField(read_only=True, help_text="pending or delivering")
    failed = serializers.IntegerField(read_only=True)
    cancelled = serializers.IntegerField(read_only=True)


class StepSerializer(Strict):
    """A minute or an hour; the last one is under way."""

    start = serializers.DateTimeField(read_only=True)
    accepted_per_s = serializers.FloatField(read_only=True, help_text="events; of one destination, deliveries")
    success = serializers.IntegerField(read_only=True, source="tries.success", help_text="tries")
    failed = serializers.IntegerField(read_only=True, source="tries.failed", help_text="tries")
    success_rate = serializers.FloatField(read_only=True, allow_null=True, source="tries.success_rate")
    latency_ms = LatencySerializer(read_only=True, source="tries.latency_ms")
    waiting = serializers.IntegerField(read_only=True, help_text="deliveries, at its end")


class HealthSerializer(Strict):
    destination_id = serializers.UUIDField(read_only=True, source="destination.pk")
    state = serializers.ChoiceField(
        choices=_STATES, read_only=True, help_text="breaker: it failed so often that only probes go; idle: nothing was sent yet"
    )
    reason = serializers.SerializerMethodField(help_text="why it is disabled, or what its newest try met; else empty")
    delivered_until = serializers.DateTimeField(
        read_only=True,
        allow_null=True,
        help_text="while it fails: the minute, two hours back the hour, of the last week in which something last arrived",
    )
    next_probe_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="while its breaker is open; null while the probe is under way"
    )
    ledger = LedgerSerializer(read_only=True)

    def get_reason(self, health: Health) -> str:
        return reason_of(health)


class GlanceSerializer(Strict):
    span = serializers.ChoiceField(choices=list(SPANS), read_only=True)
    step_s = serializers.IntegerField(read_only=True)
    now = serializers.DateTimeField(read_only=True)
    booked_until = serializers.DateTimeField(
        read_only=True, help_text="what was accepted and ended before is in it: within seconds of now, but where no worker runs"
    )
    oldest_waiting = serializers.DateTimeField(read_only=True, allow_null=True, help_text="when it was accepted")
    ledger = LedgerSerializer(read_only=True)
    tries = TriesSerializer(read_only=True, help_text="of all steps")
    steps = StepSerializer(many=True, read_only=True)
    destinations = HealthSerializer(many=True, read_only=True)


_LEDGER = {"accepted": 1000, "delivered": 980, "waiting": 12, "failed": 5, "cancelled": 3}
_EXAMPLE = {
    "span": "15m",
    "step_s": 60,
    "now": "2026-11-21T10:58:07.131072Z",
    "booked_until": "2026-11-21T10:58:06.903311Z",
    "oldest_waiting": "2026-11-21T10:57:01.000000Z",
    "ledger": _LEDGER,
    "tries": TRIES,
    "steps": [
        {
            "start": "2026-11-21T10:58:00Z",
            "accepted_per_s": 4.2,
            "success": 40,
            "failed": 1,
            "success_rate": 0.97561,
            "latency_ms": {"p50": 12, "p95": 40, "p99": 97},
            "waiting": 12,
        }
    ],
    "destinations": [
        {
            "destination_id": "019a0f2e-1111-7c3e-9a52-3f1d8a1b2c3d",
            "state": "failing",
            "reason": "503 Service Unavailable",
            "delivered_until": "2026-11-21T09:00:00Z",
            "next_probe_at": None,
            "ledger": _LEDGER,
        }
    ],
}


class GlanceView(Endpoint):
    @operation(
        "How an account fares, at a glance",
        answer=GlanceSerializer,
        errors=[400, 404],
        examples={"answer": _EXAMPLE},
        description="Its ledger; over 15 minutes by the minute, over a day or a week by the hour: events a second, success "
        "rate, latency, what waits; and the health of each destination.",
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        member = membership(caller(request), account_id)
        given = asked(GlanceFilters, request, Log.objects.none())
        only = given["destination_id"]
        destinations = [destination_of(member.account, only)] if only else destinations_of(member.account)
        seen = glance(member.account_id, given["span"] or "15m", only)
        health = {"destinations": health_of(member.account_id, destinations)}
        return Response(GlanceSerializer({name: getattr(seen, name) for name in Glance.__slots__} | health).data)
