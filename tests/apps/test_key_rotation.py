"""A new key: what older ones encrypted is encrypted anew, while the services go on, and nothing else changes."""

import io
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import Fernet, InvalidToken
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import connection

from apps.accounts.models import Token
from apps.accounts.services import rotate_token
from apps.common import progress, rotation
from apps.common.fields import decrypt
from apps.common.rotation import encrypted_tables
from apps.destinations.models import Destination
from apps.destinations.services import rotate_secret, update_destination
from tests.browsing import everything
from tests.cast import Cast
from tests.together import together

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def furnished(cast: Cast, settings: LazySettings) -> Cast:
    """With something of everything that is encrypted, by old keys; the new one is first by now."""
    oldest = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = (OLD, *oldest)
    rotate_token(by=cast.admin, grace_seconds=600)
    rotate_token(by=cast.admin, grace_seconds=600)
    for number in range(5):
        cast.destination("https://example.com/", headers={"X-Key": f"value-{number}"})
    rotate_secret(destination=Destination.objects.order_by("pk")[0], by=cast.admin)
    TOTP.activate(cast.alice, "JBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(cast.alice)
    settings.FIELD_ENCRYPTION_KEYS = (NEW, OLD, *oldest)
    return cast


def rotate(*options: str) -> str:
    said = io.StringIO()
    call_command("rotate_encryption_keys", *options, stdout=said)
    return said.getvalue()


def secrets() -> list[Any]:
    """What stands in the database, opened."""
    tokens = Token.objects.order_by("pk").values_list("pk", "secret")
    destinations = Destination.objects.order_by("pk").values_list(
        "headers_text", "signing_secret", "previous_secret", "version"
    )
    factors = [
        sorted((name, _opened(each)) for name, each in found.data.items()) for found in Authenticator.objects.order_by("pk")
    ]
    return [*tokens, *destinations, *factors]


def _opened(value: Any) -> Any:
    return decrypt(value.encode()) if isinstance(value, str) else value


def test_the_new_key_alone_opens_everything_afterwards(furnished: Cast, settings: LazySettings) -> None:
    before = secrets()
    said = rotate()
    settings.FIELD_ENCRYPTION_KEYS = (NEW,)
    assert secrets() == before
    assert "destinations.Destination: 5 of 5 rows encrypted anew" in said
    assert "mfa.Authenticator: 2 of 2 rows encrypted anew" in said
    assert "0 of 5" in rotate()


def test_every_encrypted_field_is_found(furnished: Cast) -> None:
    found = {model._meta.label: names for model, names in encrypted_tables()}
    assert found == {
        "accounts.Token": ["secret"],
        "destinations.Destination": ["headers_text", "signing_secret", "previous_secret"],
    }


def test_a_dry_run_says_it_and_changes_nothing(furnished: Cast) -> None:
    before = everything()
    assert "destinations.Destination: 5 of 5 rows by an older key" in rotate("--dry-run")
    assert everything() == before


def test_it_says_how_far_it_is(furnished: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "_BATCH", 2)
    monkeypatch.setattr(progress, "_EVERY_S", {True: 0.0, False: 0.0})
    assert "destinations.Destination: 4 rows looked at\n" in rotate()


def test_it_goes_on_where_it_was_stopped(furnished: Cast, monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    monkeypatch.setattr(rotation, "_BATCH", 2)
    before = secrets()
    next(iter(rotation.rotate(Destination, ["headers_text", "signing_secret", "previous_secret"], dry_run=False)))
    assert "destinations.Destination: 3 of 5 rows encrypted anew" in rotate()
    settings.FIELD_ENCRYPTION_KEYS = (NEW,)
    assert secrets() == before


def test_what_is_written_meanwhile_stays(furnished: Cast, monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    monkeypatch.setattr(rotation, "_BATCH", 1)
    destinations, by = list(Destination.objects.order_by("pk")), furnished.admin

    def one(index: int) -> None:
        if index == 0:
            rotate()
        for number in range(index and 5):
            destination = destinations[number]
            update_destination(destination=destination, by=by, changes={"headers": {"X-Key": f"{index}-{number}"}})

    assert together(4, one) == [None] * 4
    rotate()
    settings.FIELD_ENCRYPTION_KEYS = (NEW,)
    assert all(each.headers["X-Key"][0] in "123" for each in Destination.objects.all())
    assert {each.version for each in Destination.objects.exclude(pk=destinations[0].pk)} == {4}


def test_a_recovery_code_that_is_used_meanwhile_stays_used(furnished: Cast, settings: LazySettings) -> None:
    codes = RecoveryCodes.activate(furnished.alice)
    first, second = codes.get_unused_codes()[:2]
    assert codes.validate_code(first)
    rotate()
    settings.FIELD_ENCRYPTION_KEYS = (NEW,)
    again = RecoveryCodes(Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES))
    assert [again.validate_code(first), again.validate_code(second)] == [False, True]


def test_what_no_key_opens_is_named_and_the_others_are_done(furnished: Cast, settings: LazySettings) -> None:
    first, *others = Destination.objects.order_by("pk").values_list("pk", flat=True)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE destinations_destination SET signing_secret = %s WHERE id = %s", [b"lost", _key(first)])
    with pytest.raises(CommandError, match=rf"^1 rows are opened by none .*destinations.Destination {first}$"):
        rotate()
    settings.FIELD_ENCRYPTION_KEYS = (NEW,)
    assert [each.headers["X-Key"] for each in Destination.objects.filter(pk__in=others)]
    with pytest.raises(InvalidToken):
        Destination.objects.get(pk=first)


def _key(pk: Any) -> Any:
    return pk if connection.vendor == "postgresql" else pk.hex
