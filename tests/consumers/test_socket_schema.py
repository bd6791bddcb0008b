"""The frames of the document are those that protocol.py makes."""

import inspect
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from apps.logs.selectors import Entry
from consumers import protocol
from consumers.schema import FRAMES

HELLO: dict[str, Any] = {
    "cursor": 7,
    "newest": 9,
    "epoch": "00000001-5",
    "oldest": 1,
    "server_time": "2026-11-02T09:30:00.000000Z",
    "role": "Admin",
}
MADE = [
    protocol.hello(**HELLO, reset=False),
    protocol.hello(**HELLO, reset=True),
    protocol.logs(after=7, cursor=8, entries=[Entry(8, "success", "", '{"cursor": 8}')]),
    protocol.summary(first=9, last=20, by_status={"success": 10, "failed": 1}, by_destination={"019a": 11}),
    protocol.heartbeat(cursor=8),
    *(protocol.error(code=code, message="why") for code in protocol.Close),
]


def shape_of(kind: str) -> dict[str, Any]:
    [shape] = [each for each in FRAMES.values() if each["properties"]["type"]["const"] == kind]
    return shape | {"additionalProperties": False}


@pytest.mark.parametrize("frame", MADE, ids=range(len(MADE)))
def test_a_frame_has_the_fields_that_the_document_names(frame: str) -> None:
    content = orjson.loads(frame)
    assert list(Draft202012Validator(shape_of(content["type"])).iter_errors(content)) == []


def test_every_frame_is_described_and_tried_here() -> None:
    makers = {
        name
        for name, each in inspect.getmembers(protocol, inspect.isfunction)
        if inspect.signature(each).return_annotation is str
    }
    described = {each["properties"]["type"]["const"] for each in FRAMES.values()}
    tried = {orjson.loads(frame)["type"] for frame in MADE}
    assert makers - {"_text"} == described == tried
