"""schemathesis over the product's own OpenAPI document: what it promises and does not keep."""

from collections.abc import Iterator, Mapping
from typing import Any

import requests
import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

# A valid request may be refused for these, by a rule that JSON Schema has no words for: what is a good password, an address
# that the network lets through, an account of one's own, a cursor that we gave, a rate that the operator allows.
TAKEN = ["2xx", "304", "401", "403", "404", "409", "412", "429"]
BEYOND = {
    *("account_id", "current_password", "cursor", "destination_id", "email", "filter", "headers", "name", "password", "rate"),
    *("role_id", "url", "user_id", "website"),
}
OURS = ("ETag", "Retry-After", "WWW-Authenticate")


@schemathesis.check
def valid_data_is_taken(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    try:
        positive_data_acceptance(ctx, response, case)
    except RejectedPositiveData:
        if response.status_code != 400 or not set(response.json().get("details", {"": ""})) <= BEYOND:
            raise


@schemathesis.check
def headers_are_described(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """No header that a client could act on goes without its description."""
    found = case.operation.responses.find_by_status_code(response.status_code)
    described = {name.lower() for name, _ in found.headers.items()} if found else {name.lower() for name in OURS}
    assert [name for name in OURS if name.lower() in response.headers and name.lower() not in described] == []


def document(url: str) -> dict[str, Any]:
    """As it is served, its answers closed: a field that it does not name is a broken promise too."""
    content: dict[str, Any] = requests.get(f"{url}/api/schema/", headers={"Accept": "application/json"}, timeout=10).json()
    for name, shape in content["components"]["schemas"].items():
        if "properties" in shape and not name.endswith("Request"):
            shape["additionalProperties"] = False
    return content


def broken(
    url: str,
    headers: Mapping[str, str],
    places: Mapping[str, str],
    *,
    only: str = "",
    without: tuple[str, ...] = (),
) -> list[str]:
    """Each failure in words. `places`: ids in paths, of what is there. `only` and `without` name operations."""
    config = {
        "seed": 1,
        "base-url": url,
        "headers": dict(headers),
        "parameters": {f"path.{name}": value for name, value in places.items()},
        "continue-on-failure": True,
        "generation": {"max-examples": 8, "deterministic": True, "database": "none"},
        "checks": {"positive_data_acceptance": {"enabled": False, "expected-statuses": TAKEN}},
    }
    schema: BaseSchema = schemathesis.openapi.from_dict(document(url), config=SchemathesisConfig.from_dict(config))
    schema = schema.exclude(operation_id=list(without)) if without else schema
    schema = schema.include(operation_id=only) if only else schema
    return [failure for event in from_schema(schema).execute() for failure in _failures(event)]


def _failures(event: Any) -> Iterator[str]:
    if isinstance(event, events.NonFatalError | events.FatalError):
        yield f"{event}"
    if not isinstance(event, events.ScenarioFinished):
        return
    for checks in event.recorder.checks.values():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                yield f"{event.label}: {check.name}: {failure.message}\n{check.failure_info.code_sample}"
