"""A destination as a write would leave it, judged by every rule of its fields. Nothing is stored here, so that a form can ask
while somebody types."""

import base64
import secrets
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from apps.accounts.models import Member
from apps.common.fields import MASK
from apps.destinations.models import Destination, origin
from apps.destinations.validators import validate_headers


def new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def draft(
    by: Member, *, url: str = "", http_method: str = "", headers: dict[str, str] | None = None, name: str = "", **policy: Any
) -> Destination:
    """A new destination of the member's account, with a signing secret of its own. Raises one ValidationError that names each
    wrong field."""
    drafted = Destination(account_id=by.account_id, name=name.strip(), url=url.strip(), http_method=http_method)
    for field, value in policy.items():
        setattr(drafted, field, value)
    drafted.headers = {}
    drafted.signing_secret = new_secret()
    drafted.created_by = drafted.updated_by = by.user
    _judge(drafted, headers or {}, moved=False)
    return drafted


def change(destination: Destination, changes: Mapping[str, Any]) -> None:
    """Sets fields. A header value that reads `********` keeps what is stored. Raises one ValidationError that names each
    wrong field."""
    moved = _leads_elsewhere(changes.get("url", destination.url), destination.url)
    for name, value in changes.items():
        if name != "headers":
            setattr(destination, name, value.strip() if isinstance(value, str) else value)
    given = changes.get("headers")
    _judge(destination, dict.fromkeys(destination.headers, MASK) if given is None else given, moved=moved)


def _leads_elsewhere(url: str, stored: str) -> bool:
    try:
        return origin(url) != origin(stored)
    except ValueError:
        return False  # it leads nowhere: the check of the fields says why


def _judge(destination: Destination, given: dict[str, str], *, moved: bool) -> None:
    """Sets the headers and the name that is not given. Raises one ValidationError with every wrong field."""
    wrong: dict[str, Any] = {}
    try:
        headers = _merged(given, destination.headers, moved=moved)
        validate_headers(headers)
        destination.headers = headers
    except ValidationError as error:
        wrong["headers"] = error.error_list
    try:
        destination.full_clean()
    except ValidationError as error:
        wrong = error.error_dict | wrong
    if wrong:
        raise ValidationError(wrong)
    destination.name = destination.name or destination.host[:255]


def _merged(given: dict[str, str], stored: dict[str, str], *, moved: bool) -> dict[str, str]:
    """The headers to store. Raises ValidationError for a mask that stands for nothing, or at a new host."""
    kept = {name for name, value in given.items() if value == MASK}
    if kept and moved:
        raise ValidationError("The URL leads to another host: send every header value anew.")
    if unknown := sorted(kept - stored.keys()):
        raise ValidationError([f"{name}: there is no stored value to keep." for name in unknown])
    return {name: stored[name] if name in kept else value for name, value in given.items()}
