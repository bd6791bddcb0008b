"""JSON in and out of the API."""

import json
from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer


def _refuse(word: str) -> Any:
    raise ValueError(word)


_decoder = json.JSONDecoder(parse_constant=_refuse)


class JsonParser(BaseParser):
    """RFC 8259 in UTF-8; NaN and Infinity are refused."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        body = stream.read(limit + 1)  # Django looks at the length only where somebody asks for `request.body`
        if len(body) > limit:
            raise RequestDataTooBig
        try:
            value = _decoder.decode(body.decode())
        except (ValueError, RecursionError) as error:
            raise ParseError("The body is not JSON in UTF-8.") from error
        if not isinstance(value, dict):
            raise ParseError("The body must be a JSON object.")
        return value


class JsonRenderer(BaseRenderer):
    """orjson: UUIDs, times and finished JSON (`orjson.Fragment`) as they are."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS)
