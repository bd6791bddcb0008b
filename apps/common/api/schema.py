"""What the OpenAPI document says of an operation. Every method of every view carries `@operation`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeVar, cast

import django_filters
from django import forms
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework import serializers

from apps.common.api import answers
from apps.common.api.filters import Boolean, Integer, Moment
from apps.common.api.pagination import PAGE_MAX, PAGE_SIZE, Listing

F = TypeVar("F", bound=Callable[..., Any])
Shape = type[serializers.BaseSerializer[Any]] | None
Kind = Literal["resource", "page", "written", "empty"]

# What any operation may answer, whatever it does.
_ALWAYS = (406, 429, 500, 503)


@dataclass(frozen=True, slots=True)
class Operation:
    """What `operation()` was told; the arguments stand there."""

    summary: str
    answer: Shape
    kind: Kind
    status: int
    request: Shape
    errors: Sequence[int]
    listing: type[Listing] | None
    examples: Mapping[Literal["answer", "request"], Any]
    description: str
    public: bool
    versioned: bool
    codes: Mapping[int, Sequence[str]] = field(default_factory=dict)
    media_type: str = ""
    repeated: int = 0


_operations: dict[Any, Operation] = {}


def operation(  # noqa: PLR0913  (one for each thing that the document says, named at each call)
    summary: str,
    *,
    answer: Shape = None,
    kind: Kind = "resource",
    status: int = 200,
    request: Shape = None,
    errors: Sequence[int] = (),
    listing: type[Listing] | None = None,
    examples: Mapping[Literal["answer", "request"], Any] = MappingProxyType({}),
    description: str = "",
    public: bool = False,
    versioned: bool = False,
    codes: Mapping[int, Sequence[str]] = MappingProxyType({}),
    media_type: str = "",
    repeated: int = 0,
) -> Callable[[F], F]:
    """Describes one method of a view.

    Args:
        answer: the serializer of the resource. `kind`: as it is, in a page, in a write's envelope, or not at all (204).
        errors: those that do not follow from the rest. Said by themselves: 406, 429, 500, 503; 401 unless `public`, with 403
            for a write; 404 with an id in the path; 400 for a page; 400, 413 and 415 with a `request`; 412 with `versioned`.
        listing: another view whose filters and orderings are taken; without it the view's own.
        examples: of the resource (one, also for a page), and of the request's body.
        public: for who is not signed in.
        versioned: the resource has an ETag: If-None-Match and 304 for a read, If-Match and 412 for a write.
        codes: status -> the codes that only this operation has.
        media_type: of an answer that is not JSON; `examples` has its text.
        repeated: the status where the same request finds what it would have made, with the same answer.
    """

    def described(method: F) -> F:
        _operations[method] = Operation(
            summary, answer, kind, status, request, errors, listing, examples, description, public, versioned, codes,
            media_type, repeated,
        )  # fmt: skip
        return method

    return described


def of_method(view: Any, method: str) -> Operation | None:
    """What is said of a view's method; None when nothing is."""
    handler = getattr(view, method.lower())
    return _operations.get(getattr(handler, "__func__", handler))


class Described(AutoSchema):
    """Takes from `@operation` what drf-spectacular would guess."""

    @property
    def said(self) -> Operation:
        found = of_method(self.view, self.method)
        if found is None:
            raise LookupError(f"{type(self.view).__name__}.{self.method.lower()} has no @operation")
        return found

    def get_operation_id(self) -> str:
        """`accounts_list`, `accounts_token_rotate`: the words of the path, then what is done."""
        words = [part for part in self._tokenize_path() if not part.startswith("{")]
        verb = {"PUT": "replace", "PATCH": "update", "DELETE": "delete"}.get(self.method, "")
        if self.method == "GET":
            verb = "list" if self.said.kind == "page" else "get"
        if self.method == "POST" and words[-1].endswith("s"):
            verb = "create"
        return "_".join([*words, verb] if verb else words).replace("-", "_")

    def get_operation(self, *place: Any, **named: Any) -> Any:
        built = super().get_operation(*place, **named) or {}
        about = {"summary": self.said.summary, "description": self.said.description}
        return {"operationId": built["operationId"], **{name: text for name, text in about.items() if text}, **built}

    def get_auth(self) -> list[dict[str, Any]]:
        if self.said.public:
            return []
        session: dict[str, list[str]] = {answers.SESSION: []}
        return [{answers.BEARER: []}, session if self.method == "GET" else session | {answers.CSRF: []}]

    def get_request_serializer(self) -> Any:
        return self.said.request

    def get_response_serializers(self) -> Any:
        return self.said.answer

    def _get_request_body(self, direction: Any = "request") -> Any:
        if self.said.request is None:
            return None
        body: dict[str, Any] | None = cast(Any, super())._get_request_body(direction)
        if body and (example := self.said.examples.get("request")) is not None:
            body["content"][answers.JSON]["example"] = example
        return body

    def _get_parameters(self) -> list[dict[str, Any]]:
        said, found = self.said, list(super()._get_parameters())
        if said.kind == "page":
            found += _parameters(said.listing or cast("type[Listing]", type(self.view)))
        if self._guarded:
            about = "An ETag: 412 when the resource has another by now."
            found.append(_parameter("If-Match", {"type": "string"}, about, where="header"))
        if said.versioned and self.method == "GET":
            about = "An ETag: 304 without a body when it is still that."
            found.append(_parameter("If-None-Match", {"type": "string"}, about, where="header"))
        return found

    @property
    def _guarded(self) -> bool:
        return 412 in self.said.errors or (self.said.versioned and self.method in {"PUT", "PATCH", "DELETE"})

    def _errors(self) -> list[int]:
        said = self.said
        signed_in = () if said.public else (401, 403) if self.method != "GET" else (401,)
        found = {*_ALWAYS, *said.errors, *said.codes, *signed_in}
        found |= {404} if "{" in self.path else set()
        found |= {400} if said.kind == "page" else set()
        found |= {400, 413, 415} if said.request else set()
        found |= {412} if self._guarded else set()
        return sorted(found)

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        said = self.said
        etag = ("ETag",) if said.versioned and self.method != "DELETE" else ()
        bodies = {str(status): answers.error(status, said.codes.get(status, ())) for status in self._errors()}
        if said.versioned and self.method == "GET":
            bodies["304"] = {"description": "Not changed: no body.", "headers": answers.headers("ETag")}
        if said.kind == "empty" or (said.answer is None and not said.media_type):
            bodies["204"] = {"description": "Done.", "headers": answers.headers()}
            return dict(sorted(bodies.items()))
        content: dict[str, Any] = {"schema": {"type": "string"} if said.media_type else self._answer(said.answer, said.kind)}
        if (example := said.examples.get("answer")) is not None:
            content["example"] = _dressed(example, said.kind)
        about = "A page, with links to the next and the previous one." if said.kind == "page" else "Done."
        success = {
            "description": about if said.kind != "resource" else "The resource.",
            "headers": answers.headers(*etag),
            "content": {said.media_type or answers.JSON: content},
        }
        bodies |= {str(status): success for status in (said.status, said.repeated) if status}
        return dict(sorted(bodies.items()))

    def _answer(self, answer: Any, kind: Kind) -> dict[str, Any]:
        name, reference = self._component(answer)
        if kind == "resource":
            return reference
        shape = answers.page(reference) if kind == "page" else answers.written(reference)
        wrapped = ResolvedComponent(f"{name}{kind.capitalize()}", ResolvedComponent.SCHEMA, shape, answer)
        self.registry.register_on_missing(wrapped)
        return dict(wrapped.ref)

    def _component(self, answer: Any) -> tuple[str, dict[str, Any]]:
        """The answer's name and schema; of a ListSerializer that has a `child` an array of these."""
        if issubclass(answer, serializers.ListSerializer):
            _, item = self._component(type(answer.child))
            return answer.__name__.removesuffix("Serializer"), {"type": "array", "items": item}
        component = self.resolve_serializer(answer, "response")
        return component.name, dict(component.ref)

    def _postprocess_serializer_schema(self, schema: Any, serializer: Any, direction: Any) -> Any:
        """A write refuses unknown fields and ignores those that only we set; an answer has all its fields, but for those that
        the serializer names in `OPTIONAL`."""
        ours = [name for name, each in schema.get("properties", {}).items() if each.get("readOnly")]
        done = cast(Any, super())._postprocess_serializer_schema(schema, serializer, direction)
        if "properties" not in done:
            return done
        if direction == "request":
            done["additionalProperties"] = False
            fixed = getattr(serializer, "FIXED", ())
            about = {name: "It never changes; it may be repeated." for name in ours if name in fixed}
            done["properties"] |= {name: {"description": about.get(name, "Ignored: only we set it.")} for name in ours}
        else:
            optional = getattr(serializer, "OPTIONAL", ())
            done["required"] = [name for name in done["properties"] if name not in optional]
        return done


def _dressed(example: Any, kind: Kind) -> Any:
    if kind == "page":
        return {"next": None, "previous": None, "results": [example]}
    return {"success": True, "message": "Data Received", "data": example} if kind == "written" else example


def _parameter(name: str, shape: dict[str, Any], about: str, *, where: str = "query") -> dict[str, Any]:
    return {"name": name, "in": where, "schema": shape, **({"description": about} if about else {})}


def _parameters(listing: type[Listing]) -> list[dict[str, Any]]:
    orders = [sign + name for name in sorted(listing.orders) for sign in ("", "-")]
    size = {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE_SIZE}
    order = {"type": "string", "enum": orders, "default": listing.order}
    paging = [
        _parameter("cursor", {"type": "string", "minLength": 1}, "From the link `next` or `previous`."),
        _parameter("ordering", order, "`-`: descending."),
        _parameter("page_size", size, ""),
    ]
    filters = listing.filters.base_filters  # one may have the name of a paging parameter, and says then what both are
    chosen = [_filter(name, each) for name, each in sorted(filters.items())]
    return chosen + [each for each in paging if each["name"] not in filters]


# The first that fits.
MOMENT = "^(19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])-"  # the years that the filter takes
_TYPES: Mapping[type[django_filters.Filter], dict[str, Any]] = {
    Moment: {"type": "string", "format": "date-time", "pattern": MOMENT},
    Integer: {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
    Boolean: {"type": "boolean"},
    django_filters.UUIDFilter: {"type": "string", "format": "uuid"},
}


def _filter(name: str, each: django_filters.Filter) -> dict[str, Any]:
    about = str(each.extra.get("help_text", ""))
    if isinstance(each.field, forms.ChoiceField) and not isinstance(each, Boolean):
        choices: Any = each.field.choices
        return _parameter(name, {"type": "string", "enum": [value for value, _ in choices if value]}, about)
    shape = next((shape for known, shape in _TYPES.items() if isinstance(each, known)), None)
    if shape is None:
        longest = {"maxLength": each.extra["max_length"]} if each.extra.get("max_length") else {}
        shape = {"type": "string", "pattern": "^[^\\x00]*$", **longest}
        shape |= {} if name == "search" else {"minLength": 1}
    return _parameter(name, shape, about)
