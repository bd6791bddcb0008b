"""What a client of one OpenAPI document would trip over in another; what only grows breaks nobody."""

from collections.abc import Iterator
from typing import Any

Tree = dict[str, Any]
_LEAST, _MOST = ("minLength", "minimum", "minItems", "minProperties"), ("maxLength", "maximum", "maxItems", "maxProperties")


def breaks(old: Tree, new: Tree) -> Iterator[str]:
    """A line for each: where, and what. Judged is what our documents use: no `oneOf`, no patterns."""
    for path, methods in old["paths"].items():
        for method in methods:
            place = f"{method.upper()} {path}"
            if method in new["paths"].get(path, {}):
                yield from _Pair(old, new).operation(place, methods[method], new["paths"][path][method])
            else:
                yield f"{place}: removed"


class _Pair:
    def __init__(self, old: Tree, new: Tree) -> None:
        self.old, self.new = old, new

    def operation(self, place: str, old: Tree, new: Tree) -> Iterator[str]:
        yield from self._parameters(place, old, new)
        sent = _json(_found(self.new, new.get("requestBody", {})))
        if before := _json(_found(self.old, old.get("requestBody", {}))):
            yield from self._shape(f"{place} body", before, sent, sent=True)
        if new.get("requestBody", {}).get("required") and not old.get("requestBody", {}).get("required"):
            yield f"{place} body: now required"
        for status in old["responses"].keys() & new["responses"].keys():
            was, given = _found(self.old, old["responses"][status]), _found(self.new, new["responses"][status])
            yield from self._shape(f"{place} {status}", _json(was), _json(given), sent=False)
        yield from (f"{place} {gone}: removed" for gone in old["responses"].keys() - new["responses"].keys() if gone[0] == "2")

    def _parameters(self, place: str, old: Tree, new: Tree) -> Iterator[str]:
        before = {(each["in"], each["name"]): each for each in old.get("parameters", [])}
        after = {(each["in"], each["name"]): each for each in new.get("parameters", [])}
        yield from (f"{place} {key[1]}: removed" for key in before.keys() - after.keys())
        for key, each in after.items():
            if each.get("required") and not before.get(key, {}).get("required"):
                yield f"{place} {key[1]}: now required"
            if key in before:
                yield from self._shape(f"{place} {key[1]}", before[key]["schema"], each["schema"], sent=True)

    def _shape(self, place: str, old: Tree, new: Tree, *, sent: bool) -> Iterator[str]:
        """`sent`: by the client, which may go on sending all that it could; else it must find all that it could."""
        old, new = _merged(self.old, old), _merged(self.new, new)
        narrow, wide = (new, old) if sent else (old, new)  # what is accepted may only grow, what is given only shrink
        if _types(narrow) and not _types(wide) <= _types(narrow):
            yield f"{place}: type {sorted(_types(old))} became {sorted(_types(new))}"
        if sent and (lost := _values(old) - _values(new)) and _values(new):
            yield f"{place}: no longer {sorted(lost)}"
        if sent and any(new[name] > old.get(name, 0) for name in _LEAST if name in new):
            yield f"{place}: a lower bound rose"
        if sent and any(name not in old or new[name] < old[name] for name in _MOST if name in new):
            yield f"{place}: an upper bound fell"
        yield from self._properties(place, old, new, sent=sent)
        if "items" in old:
            yield from self._shape(f"{place}[]", old["items"], new.get("items", {}), sent=sent)

    def _properties(self, place: str, old: Tree, new: Tree, *, sent: bool) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        yield from (f"{place}.{name}: removed" for name in before.keys() - after.keys())
        required, was = set(new.get("required", ())), set(old.get("required", ()))
        yield from (f"{place}.{name}: now required" for name in required - was if sent)
        yield from (f"{place}.{name}: may now be missing" for name in (was - required) & after.keys() if not sent)
        for name in sorted(before.keys() & after.keys()):
            yield from self._shape(f"{place}.{name}", before[name], after[name], sent=sent)


def _found(document: Tree, node: Tree) -> Tree:
    while "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _json(node: Tree) -> Any:
    return node.get("content", {}).get("application/json", {}).get("schema", {})


def _merged(document: Tree, shape: Tree) -> Tree:
    """The shape with its reference and `allOf` put in."""
    shape = _found(document, shape)
    whole: Tree = {name: value for name, value in shape.items() if name != "allOf"}
    for part in (_merged(document, each) for each in shape.get("allOf", ())):
        whole = part | whole | {"properties": whole.get("properties", {}) | part.get("properties", {})}
    return whole


def _types(shape: Tree) -> set[str]:
    return {kinds} if isinstance(kinds := shape.get("type", []), str) else set(kinds)


def _values(shape: Tree) -> set[Any]:
    return set(shape.get("enum", ()))
