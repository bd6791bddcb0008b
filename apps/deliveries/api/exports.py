"""Exports: starting one, its progress, and what it wrote."""

import gzip
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.policies import Right, authorise
from apps.accounts.selectors import members_of, membership
from apps.common.api.codec import JsonRenderer
from apps.common.api.envelope import received
from apps.common.api.schema import operation
from apps.common.api.serializers import Nothing, Strict
from apps.common.api.views import Endpoint, checked
from apps.common.errors import Conflict
from apps.common.lanes import lane
from apps.deliveries import selectors
from apps.deliveries.exports import start_export
from apps.deliveries.models import Export
from apps.users.selectors import caller


class ExportSerializer(Strict):
    id = serializers.UUIDField(read_only=True)
    account_id = serializers.UUIDField(read_only=True)
    state = serializers.ChoiceField(choices=Export.State.choices, read_only=True)
    reason = serializers.CharField(read_only=True, help_text="why it failed: internal, too_large")
    lines = serializers.IntegerField(read_only=True)
    bytes = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    expires_at = serializers.DateTimeField(read_only=True, allow_null=True)


_EXAMPLE = {
    "id": "019aa5d2-7a10-7c3e-9b1f-1f2e3d4c5b6a",
    "account_id": "019aa5d1-0c11-7b6d-b1e2-6f5e4d3c2b1a",
    "state": "running",
    "reason": "",
    "lines": 1200,
    "bytes": 734003,
    "created_at": "2026-11-21T12:00:00Z",
    "updated_at": "2026-11-21T12:00:02Z",
    "expires_at": None,
}


class StartView(Endpoint):
    @operation(
        "Export an account's data",
        answer=ExportSerializer,
        kind="written",
        status=201,
        request=Nothing,
        errors=(403, 404, 409),
        examples={"request": {}, "answer": _EXAMPLE | {"lines": 0, "bytes": 0}},
        description="A job that writes the account, its members, destinations, events, deliveries and logs as JSON lines. "
        "One at a time for an account, 10 a day; kept for 24 hours.",
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        by = membership(caller(request), account_id)
        authorise(by.role.role_name, Right.EXPORT)
        checked(Nothing(data=request.data))
        return received(ExportSerializer(start_export(by=by)).data, 201)


class _OfExport(Endpoint):
    """Below an export of an account of which the caller is Admin."""

    def find(self, request: Request, export_id: UUID) -> Export:
        members = members_of(caller(request))
        export = selectors.export_among(members, export_id)
        authorise(members[export.account_id].role.role_name, Right.EXPORT)
        return export


class ExportView(_OfExport):
    @operation(
        "An export's progress",
        answer=ExportSerializer,
        errors=(403, 404),
        examples={"answer": _EXAMPLE},
        description="`running`, then `done` or `failed`. What is stored while it runs may be in it or not.",
    )
    def get(self, request: Request, export_id: UUID) -> Response:
        return Response(ExportSerializer(self.find(request, export_id)).data)


class LinesRenderer(JsonRenderer):
    """So that who asks for lines only is not refused; an error is a line too."""

    media_type = "application/x-ndjson"
    format = "ndjson"


class DataView(_OfExport):
    cache_control = "no-store"
    renderer_classes = (JsonRenderer, LinesRenderer)

    @operation(
        "What an export wrote, as JSON lines",
        errors=(403, 409),
        media_type="application/x-ndjson",
        examples={"answer": '{"type": "account", "id": "019aa5d1-0c11-7b6d-b1e2-6f5e4d3c2b1a"}'},
        description="Each has a `type`: account, member, destination, event, delivery or log. No secret, no header value.",
    )
    def get(self, request: Request, export_id: UUID) -> Any:
        export = self.find(request, export_id)
        if export.state != Export.State.DONE:
            raise Conflict(f"The export is {export.state}.")
        return as_download(export)


def as_download(export: Export) -> StreamingHttpResponse:
    """What a finished export wrote."""
    headers = {"Content-Disposition": f'attachment; filename="export-{export.pk}.ndjson"'}
    return StreamingHttpResponse(_lines(export.pk), content_type="application/x-ndjson", headers=headers)


async def _lines(export_id: UUID) -> AsyncIterator[bytes]:
    """Part by part: no more than one is in memory, and no connection is held between them."""
    number = 1
    while part := await lane("read").run(selectors.export_part, export_id, number):
        yield gzip.decompress(part)
        number += 1
