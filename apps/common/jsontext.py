"""JSON that keeps every number as it was written: `1.10` stays `1.10`, 5,000 digits stay 5,000 digits."""

import json
from collections.abc import Callable
from typing import Any


class Number(str):
    """A number's own text."""

    __slots__ = ()


def decoder(
    pairs: Callable[[list[tuple[str, Any]]], Any] = dict,
    constant: Callable[[str], Any] = str,
    number: Callable[[str], Any] = Number,
) -> json.JSONDecoder:
    """A decoder over the C scanner. `constant` gets NaN, Infinity and -Infinity, `number` each number's text."""
    return json.JSONDecoder(object_pairs_hook=pairs, parse_int=number, parse_float=number, parse_constant=constant)


_decoder = decoder()


def parse(body: bytes) -> Any:
    """The value of a body that was accepted before (so it is known to be well-formed)."""
    return _decoder.decode(body.decode())


def compact(value: Any) -> str:
    """Compact JSON of what `parse` gave, numbers as written. Accepted data nests at most 64 deep, so recursion is bounded."""
    match value:
        case Number():
            return str(value)
        case dict():
            return "{" + ",".join(f"{compact(key)}:{compact(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ",".join(map(compact, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def indented(value: Any, depth: int = 0) -> str:
    """The same over several lines, for the eye."""
    inside, end = "  " * (depth + 1), "\n" + "  " * depth
    match value:
        case dict() if value:
            items = (f"{inside}{compact(key)}: {indented(item, depth + 1)}" for key, item in value.items())
            return "{\n" + ",\n".join(items) + end + "}"
        case list() if value:
            return "[\n" + ",\n".join(inside + indented(item, depth + 1) for item in value) + end + "]"
        case _:
            return compact(value)
