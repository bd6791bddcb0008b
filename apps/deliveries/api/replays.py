"""Bulk replays: counting and beginning one, its progress, pausing, resuming and cancelling it."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import django_filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import Member
from apps.accounts.policies import Right, authorise
from apps.accounts.selectors import members_of, membership
from apps.common.api.envelope import received
from apps.common.api.filters import Filters, Moment
from apps.common.api.pagination import Listing
from apps.common.api.schema import MOMENT, operation
from apps.common.api.serializers import Nothing, Strict
from apps.common.api.views import Endpoint, checked, resource
from apps.deliveries import replays, selectors
from apps.deliveries.api.filters import REASONS
from apps.deliveries.jobs import Replay
from apps.deliveries.models import Delivery
from apps.deliveries.replays import Wanted
from apps.users.selectors import caller


@extend_schema_field({"type": "string", "format": "date-time", "pattern": MOMENT})
class _MomentField(serializers.DateTimeField):
    def to_internal_value(self, value: Any) -> datetime:
        moment = super().to_internal_value(value)
        if not 1970 <= moment.year <= 9998:  # what lies outside overflows on its way to UTC
            raise serializers.ValidationError("A time between the years 1970 and 9998.")
        return moment


class BulkReplayWantedSerializer(Strict):
    """The deliveries to send again: the same words as the filters of the account's deliveries; at least one of them."""

    status = serializers.ChoiceField(choices=Delivery.Status.values, required=False)
    reason = serializers.ChoiceField(choices=REASONS, required=False)
    destination_id = serializers.UUIDField(required=False, allow_null=True, help_text="null: all of them")
    created_at_after = _MomentField(required=False, allow_null=True, help_text="the deliveries were made after it")
    created_at_before = _MomentField(required=False, allow_null=True, help_text="null: now; never later")
    rate = serializers.IntegerField(required=False, min_value=1, help_text="new deliveries a second; REPLAY_RATE, unless given")
    dry_run = serializers.BooleanField(required=False, default=False, help_text="only count")


class BulkReplayFilterSerializer(Strict):
    """What it was asked for."""

    status = serializers.CharField(read_only=True, help_text="empty: any")
    reason = serializers.CharField(read_only=True, help_text="empty: any")
    destination_id = serializers.UUIDField(read_only=True, allow_null=True, help_text="null: all of them")
    created_at_after = serializers.DateTimeField(source="created_after", read_only=True, allow_null=True)
    created_at_before = serializers.DateTimeField(source="created_before", read_only=True)


class BulkReplaySerializer(Strict):
    id = serializers.UUIDField(read_only=True, allow_null=True, help_text="null: a dry run")
    account_id = serializers.UUIDField(read_only=True)
    state = serializers.ChoiceField(choices=["dry_run", *Replay.State.values], read_only=True)
    filter = BulkReplayFilterSerializer(source="*", read_only=True)
    rate = serializers.IntegerField(read_only=True, help_text="new deliveries a second, at most")
    total = serializers.IntegerField(read_only=True, help_text="deliveries that matched when it began")
    total_exact = serializers.BooleanField(read_only=True, help_text="false: there are more; counting stopped there")
    handled = serializers.IntegerField(read_only=True, help_text="of these so far: made + busy + needless")
    made = serializers.IntegerField(read_only=True, help_text="new deliveries")
    busy = serializers.IntegerField(
        read_only=True, help_text="left out: in the air, not tried yet, or with another replay that is open"
    )
    needless = serializers.IntegerField(
        read_only=True,
        help_text="left out: a replay arrived since, this job sent it already, or its destination is deleted",
    )
    position_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="it has come to the deliveries that were made then"
    )
    created_at = serializers.DateTimeField(read_only=True, allow_null=True)
    updated_at = serializers.DateTimeField(read_only=True, allow_null=True)
    finished_at = serializers.DateTimeField(read_only=True, allow_null=True)


_EXAMPLE = {
    "id": "019aa5d2-7a10-7c3e-9b1f-1f2e3d4c5b6a",
    "account_id": "019aa5d1-0c11-7b6d-b1e2-6f5e4d3c2b1a",
    "state": "running",
    "filter": {
        "status": "failed",
        "reason": "",
        "destination_id": "019a0f2e-1111-7c3e-9a52-3f1d8a1b2c3d",
        "created_at_after": "2026-11-20T00:00:00Z",
        "created_at_before": "2026-11-21T12:00:00Z",
    },
    "rate": 50,
    "total": 1240,
    "total_exact": True,
    "handled": 450,
    "made": 447,
    "busy": 2,
    "needless": 1,
    "position_at": "2026-11-20T04:11:09.131072Z",
    "created_at": "2026-11-21T12:00:00Z",
    "updated_at": "2026-11-21T12:00:09Z",
    "finished_at": None,
}


def shown(job: Replay) -> dict[str, Any]:
    return dict(BulkReplaySerializer(job).data)


def _as_dry_run(job: Replay) -> dict[str, Any]:
    """What would be a job: nothing of it is stored."""
    for name, value in {"id": None, "state": "dry_run", "created_at": None, "updated_at": None}.items():
        setattr(job, name, value)
    return shown(job)


class _ReplayFilters(Filters):
    state = django_filters.ChoiceFilter(choices=Replay.State.choices)
    destination_id = django_filters.UUIDFilter()
    created_at = Moment()
    created_at_after = Moment("created_at", lookup_expr="gt")
    created_at_before = Moment("created_at", lookup_expr="lt")


class ReplaysView(Listing):
    filters = _ReplayFilters

    @operation(
        "List an account's bulk replays",
        answer=BulkReplaySerializer,
        kind="page",
        errors=[400, 404],
        examples={"answer": _EXAMPLE},
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        member = membership(caller(request), account_id)
        return self.page(request, selectors.replays_among([member.account_id]), shown)

    @operation(
        "Send many deliveries again, or count them",
        answer=BulkReplaySerializer,
        kind="written",
        status=201,
        repeated=200,
        request=BulkReplayWantedSerializer,
        errors=(400, 403, 404, 409),
        examples={"request": {"status": "failed", "created_at_after": "2026-11-20T00:00:00Z", "rate": 50}, "answer": _EXAMPLE},
        description="A stored job: each event once to each destination, with the same `webhook-id`. One runs at a time in an "
        "account. What is made after it began is not in its range. With `dry_run` nothing is stored, and the answer is 200.",
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        by = membership(caller(request), account_id)
        authorise(by.role.role_name, Right.SEND_AGAIN)
        given = checked(BulkReplayWantedSerializer(data=request.data))
        dry_run = given.pop("dry_run")
        wanted = Wanted(**given)
        if dry_run:
            return received(_as_dry_run(replays.plan(by=by, wanted=wanted)))
        return received(shown(replays.start(by=by, wanted=wanted)), 201)


class ReplayJobView(Endpoint):
    @operation("A bulk replay's progress", answer=BulkReplaySerializer, versioned=True, examples={"answer": _EXAMPLE})
    def get(self, request: Request, replay_id: UUID) -> Response:
        job = selectors.replay_among(members_of(caller(request)), replay_id)
        return resource(request, shown(job), job.version)


class _Act(Endpoint):
    """On a bulk replay of an account of which the caller is Admin."""

    act: ClassVar[Callable[..., None]]

    def done(self, request: Request, replay_id: UUID) -> Response:
        members = members_of(caller(request))
        job = selectors.replay_among(members, replay_id)
        by: Member = members[job.account_id]
        authorise(by.role.role_name, Right.SEND_AGAIN)
        checked(Nothing(data=request.data))
        type(self).act(job=job, by=by)
        return received(shown(selectors.replay_among(members, replay_id)))


_acting = partial(operation, answer=BulkReplaySerializer, kind="written", request=Nothing, errors=(403, 404, 409))


class PauseView(_Act):
    act = replays.pause

    @_acting(
        "Pause a bulk replay",
        examples={"request": {}, "answer": _EXAMPLE | {"state": "paused"}},
        description="It makes nothing more until it is resumed. What it has made goes on. 409 when it has ended.",
    )
    def post(self, request: Request, replay_id: UUID) -> Response:
        return self.done(request, replay_id)


class ResumeView(_Act):
    act = replays.resume

    @_acting(
        "Resume a bulk replay",
        examples={"request": {}, "answer": _EXAMPLE},
        description="It goes on where it stood. 409 when it has ended, or another runs in the account.",
    )
    def post(self, request: Request, replay_id: UUID) -> Response:
        return self.done(request, replay_id)


class CancelReplayView(_Act):
    act = replays.cancel

    @_acting(
        "Cancel a bulk replay",
        examples={"request": {}, "answer": _EXAMPLE | {"state": "cancelled", "finished_at": "2026-11-21T12:00:10Z"}},
        description="It makes nothing more, and what it has made and still waits is cancelled soon, with the reason "
        "`by_person`. A try that is in the air may still arrive. 409 when it has ended.",
    )
    def post(self, request: Request, replay_id: UUID) -> Response:
        return self.done(request, replay_id)
