"""Destinations at the pages: who may, what is refused, how their secrets stand."""

from collections.abc import Callable
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import Settings

from apps.accounts.models import Account
from apps.accounts.services import delete_account
from apps.common.errors import LimitReached, Missing, NotAllowed
from apps.common.ids import uuid7
from apps.deliveries.models import Delivery
from apps.destinations import services
from apps.destinations.models import Destination
from apps.events.models import Event
from apps.users.models import User
from tests.browsing import everything, sign_in, stands_anywhere
from tests.cast import Cast, make_destination
from tests.consumers.writing import write_logs
from tests.together import together

HOOK = "http://127.0.0.1:2/hook"
FIELDS = {"url": HOOK, "http_method": "PUT", "name": " The shop ", "headers": "X-Key: a-secret-value\r\n\r\nAccept:*/*\r\n"}
ACTIONS = ["pause", "resume", "delete"]


def new(account: Account) -> str:
    return f"/accounts/{account.pk}/destinations/new/"


def act(account: Account, destination_id: UUID, action: str) -> str:
    return f"/accounts/{account.pk}/destinations/{destination_id}/{action}/"


def shown_state(client: Client, account: Account) -> list[str]:
    return [each.state for each in client.get(f"/accounts/{account.pk}/live/").context["destinations"]]


def test_an_admin_adds_a_destination_and_sees_its_secret_once(cast: Cast) -> None:
    client = sign_in(cast.alice)
    answer = client.post(new(cast.account), FIELDS)
    made = Destination.objects.get(account=cast.account)
    assert (answer.status_code, made.name, made.http_method, made.state) == (201, "The shop", "PUT", "active")
    assert made.headers == {"X-Key": "a-secret-value", "Accept": "*/*"}
    assert (made.created_by, made.updated_by, made.version) == (cast.alice, cast.alice, 1)
    assert answer.content.decode().count(made.signing_secret) == 1
    assert "no-store" in answer["Cache-Control"]
    page = client.get(f"/accounts/{cast.account.pk}/live/").content.decode()
    assert made.signing_secret not in page
    assert "a-secret-value" not in page


def test_the_name_is_the_urls_host_unless_given(cast: Cast) -> None:
    sign_in(cast.alice).post(new(cast.account), FIELDS | {"name": "  "})
    assert Destination.objects.get().name == "127.0.0.1:2"


def test_header_values_and_signing_secret_stand_encrypted(cast: Cast) -> None:
    destination = cast.destination(HOOK, headers={"X-Key": "a-secret-value"})
    assert stands_anywhere(HOOK)
    for secret in ("a-secret-value", destination.signing_secret, destination.signing_secret.removeprefix("whsec_")):
        assert not stands_anywhere(secret)


def test_every_destination_has_a_secret_of_its_own(cast: Cast) -> None:
    secrets = {cast.destination(HOOK).signing_secret for _ in range(3)}
    assert len(secrets) == 3
    assert all(secret.startswith("whsec_") for secret in secrets)


def test_an_admin_pauses_resumes_and_deletes(cast: Cast) -> None:
    client, destination = sign_in(cast.alice), cast.destination(HOOK)
    states, led_to = [], []
    for action in ("pause", "pause", "resume", "delete"):
        led_to.append(client.post(act(cast.account, destination.pk, action))["Location"])
        states.append(shown_state(client, cast.account))
    assert states == [["paused"], ["paused"], ["active"], []]
    page = f"/accounts/{cast.account.pk}/destinations/"
    assert led_to == [f"{page}{destination.pk}/"] * 3 + [page]
    destination.refresh_from_db()
    assert (destination.version, destination.updated_by) == (4, cast.alice)  # the second pause changed nothing


def test_an_admin_resumes_what_the_system_disabled(cast: Cast) -> None:
    destination = cast.destination(HOOK)
    Destination.objects.update(state="disabled", state_reason="answered 410 Gone")
    sign_in(cast.alice).post(act(cast.account, destination.pk, "resume"))
    destination.refresh_from_db()
    assert (destination.state, destination.state_reason) == ("active", "")


@pytest.mark.parametrize("action", ACTIONS)
def test_deleted_is_deleted(cast: Cast, action: str) -> None:
    client, destination = sign_in(cast.alice), cast.destination(HOOK)
    client.post(act(cast.account, destination.pk, "delete"))
    before = everything()
    assert client.post(act(cast.account, destination.pk, action)).status_code == 404
    assert everything() == before


def answers(cast: Cast, user: User | None) -> set[int]:
    """Of all that may be done to a destination; and nothing changes."""
    destination = cast.destination(HOOK)
    client, before = sign_in(user) if user else Client(), everything()
    tried = [client.get(new(cast.account)), client.post(new(cast.account), FIELDS)]
    tried += [client.post(act(cast.account, destination.pk, action)) for action in ACTIONS]
    assert everything() == before
    return {answer.status_code for answer in tried}


def test_a_normal_user_may_not_manage_destinations(cast: Cast) -> None:
    assert answers(cast, cast.bob) == {403}


def test_for_a_stranger_nothing_exists(cast: Cast) -> None:
    assert answers(cast, cast.charlie) == {404}


def test_who_is_not_signed_in_is_sent_to_sign_in(cast: Cast) -> None:
    assert answers(cast, None) == {302}


def test_in_a_deleted_account_nothing_exists(cast: Cast) -> None:
    delete_account(by=cast.admin)
    client, before = sign_in(cast.alice), everything()
    assert client.post(new(cast.account), FIELDS).status_code == 404
    assert everything() == before


@pytest.mark.parametrize("action", ACTIONS)
def test_another_accounts_destination_does_not_exist_under_ones_own(cast: Cast, action: str) -> None:
    theirs = make_destination(cast.other.members.get(), HOOK)
    client, before = sign_in(cast.alice), everything()
    assert client.post(act(cast.account, theirs.pk, action)).status_code == 404
    assert client.post(act(cast.account, uuid7(), action)).status_code == 404
    assert everything() == before


SERVICES = [services.pause, services.resume, services.delete_destination]


@pytest.mark.parametrize("service", SERVICES)
def test_the_services_keep_to_the_members_own_account(cast: Cast, service: Callable[..., None]) -> None:
    destination, stranger = cast.destination(HOOK), cast.other.members.get()
    before = everything()
    with pytest.raises(Missing):
        service(destination=destination, by=stranger)
    assert everything() == before


@pytest.mark.parametrize("service", SERVICES)
def test_the_services_know_the_roles_too(cast: Cast, service: Callable[..., None]) -> None:
    destination = cast.destination(HOOK)
    before = everything()
    with pytest.raises(NotAllowed):
        service(destination=destination, by=cast.normal_user)
    with pytest.raises(NotAllowed):
        make_destination(cast.normal_user, HOOK)
    assert everything() == before


@pytest.mark.parametrize("action", ACTIONS)
def test_opening_an_actions_address_leads_to_its_button_and_does_nothing(cast: Cast, action: str) -> None:
    destination = cast.destination(HOOK)
    client, before = sign_in(cast.alice), everything()
    page = f"/accounts/{cast.account.pk}/destinations/{destination.pk}/"
    assert client.get(act(cast.account, destination.pk, action))["Location"] == page
    assert everything() == before


SECRET = "sesame-\t-open"
BAD = [
    ("url", ""),
    ("url", "example.com/hook"),
    ("url", "ftp://example.com/"),
    ("url", "http://user:pass@example.com/"),
    ("url", "http://example.com/#part"),
    ("url", "http://169.254.169.254/latest/meta-data"),
    ("url", "http://10.0.0.1/"),
    ("url", "http://[::ffff:10.0.0.1]/"),
    ("url", "http://2130706433/"),
    ("url", "http://example.com:99999/"),
    ("url", f"http://example.com/{'x' * 2048}"),
    ("http_method", "DELETE"),
    ("http_method", ""),
    ("name", "x" * 256),
    ("headers", ""),
    ("headers", "\r\n"),
    ("headers", "no colon here"),
    ("headers", f"X-Key: {SECRET}"),
    ("headers", "X-Key: sésame-open"),
    ("headers", f"X-Key: sesame-{'x' * 4096}"),
    ("headers", "Host: sesame-open"),
    ("headers", "Content-Length: 1\r\nX-Key: sesame-open"),
    ("headers", "Webhook-Id: sesame-open"),
    ("headers", "Bad Name: sesame-open"),
    ("headers", "X-Key: sesame-open\r\nX-Key: sesame-open"),
    ("headers", "X-Key: sesame-open\r\nx-key: sesame-open"),
]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_bad_field_is_named_and_nothing_is_made(cast: Cast, field: str, value: str) -> None:
    client, before = sign_in(cast.alice), everything()
    answer = client.post(new(cast.account), FIELDS | {field: value})
    errors = answer.context["form"].errors
    assert (answer.status_code, list(errors)) == (400, [field])
    assert "sesame" not in str(errors)
    assert everything() == before


def test_every_wrong_field_is_named_at_once(cast: Cast) -> None:
    answer = sign_in(cast.alice).post(new(cast.account), FIELDS | {"url": "http://10.0.0.1/", "headers": "Host: x"})
    assert (answer.status_code, set(answer.context["form"].errors)) == (400, {"url", "headers"})


def test_a_destination_too_many_is_refused_naming_the_limit(cast: Cast, settings: Settings) -> None:
    settings.MAX_DESTINATIONS_PER_ACCOUNT = 1
    cast.destination(HOOK)
    client, before = sign_in(cast.alice), everything()
    answer = client.post(new(cast.account), FIELDS)
    assert answer.status_code == 409
    assert "MAX_DESTINATIONS_PER_ACCOUNT" in answer.content.decode()
    assert everything() == before


def test_creations_at_once_do_not_exceed_the_limit(cast: Cast, settings: Settings) -> None:
    settings.MAX_DESTINATIONS_PER_ACCOUNT = 2
    admin = cast.admin
    outcomes = together(6, lambda _: make_destination(admin, HOOK))
    refusals = [outcome for outcome in outcomes if isinstance(outcome, LimitReached)]
    assert (Destination.objects.count(), len(refusals)) == (2, 4)


@pytest.mark.parametrize("change", [{"http_method": "HEAD"}, {"state": "gone"}, {"timeout_s": 31}, {"timeout_s": 0}])
def test_the_table_refuses_what_no_destination_may_be(cast: Cast, change: dict[str, object]) -> None:
    cast.destination(HOOK)
    before = everything()
    with pytest.raises(IntegrityError), transaction.atomic():
        Destination.objects.update(**change)
    assert everything() == before


@pytest.mark.parametrize(
    "change",
    [
        {"status": "success"},  # and due
        {"status": "pending", "next_attempt_at": None},
        {"status": "delivering", "next_attempt_at": None},  # without a lease
        {"lease_token": UUID(int=1)},
        {"reason": "deleted"},
        {"status": "failed", "next_attempt_at": None},  # without a reason
        {"status": "failed", "next_attempt_at": None, "reason": "deleted"},
        {"status": "cancelled", "next_attempt_at": None, "reason": "tries_ended"},
        {"status": "lost", "next_attempt_at": None},
    ],
)
def test_the_table_refuses_what_no_delivery_may_be(cast: Cast, change: dict[str, object]) -> None:
    destination = cast.destination(HOOK)
    write_logs(destination)  # and with them an event
    event = Event.objects.get().pk
    Delivery.objects.create(account=cast.account, event_id=event, destination=destination)
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.create(account=cast.account, event_id=event, destination=destination)
    assert Delivery.objects.get().status == "pending"
