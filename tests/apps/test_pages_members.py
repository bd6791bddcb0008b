"""The page of an account's members."""

from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.invitations import OF_AN_ACCOUNT
from apps.accounts.models import Member, Role
from apps.common.ids import uuid7
from apps.users.models import User
from tests.browsing import everything, sign_in
from tests.cast import Cast


@pytest.fixture
def alice(cast: Cast) -> Client:
    return sign_in(cast.alice)


def path(cast: Cast, member: Member | None = None, action: str = "") -> str:
    return f"/accounts/{cast.account.pk}/members/" + (f"{member.pk}/{action}/" if member else "")


def invite(cast: Cast, client: Client, email: str, role_id: str = "2") -> Any:
    return client.post(path(cast), {"email": email, "role_id": role_id})


def test_alice_invites_zoe_who_gets_a_mail(cast: Cast, alice: Client) -> None:
    page = alice.post(path(cast), {"email": "Zoe@Example.com", "role_id": "1"}, follow=True)
    assert "An invitation is on its way to zoe@example.com" in page.content.decode()
    zoe = Member.objects.get(account=cast.account, user__email="zoe@example.com")
    assert (zoe.role.role_name, zoe.state) == (Role.ADMIN, Member.State.INVITED)
    assert [each.to for each in mail.outbox] == [["zoe@example.com"]]


@pytest.mark.parametrize(
    ("email", "role", "status", "field"),
    [
        ("", "2", 400, "email"),
        ("zoe", "2", 400, "email"),
        ("zoe@x.example", "3", 400, "role_id"),
        ("bob@example.com", "2", 409, "email"),
    ],
    ids=["none", "no e-mail", "no role", "a member"],
)
def test_who_cannot_be_added_is_said_beside_the_field(
    cast: Cast, alice: Client, email: str, role: str, status: int, field: str
) -> None:
    before = everything()
    page = invite(cast, alice, email, role)
    assert (page.status_code, list(page.context["form"].errors)) == (status, [field])
    assert f'value="{email}"' in page.content.decode() or not email
    assert everything() == before


def test_too_many_invitations_are_refused_with_the_time_to_wait(cast: Cast, alice: Client) -> None:
    for number in range(OF_AN_ACCOUNT):
        assert invite(cast, alice, f"p{number}@example.com").status_code == 302
    before = everything()
    page = invite(cast, alice, "one.more@example.com")
    assert (page.status_code, int(page["Retry-After"]) > 0, "Too often" in page.content.decode()) == (429, True, True)
    assert everything() == before


def test_alice_makes_bob_admin_and_then_removes_him(cast: Cast, alice: Client) -> None:
    bob = cast.normal_user
    assert alice.post(path(cast, bob, "role"), {"role_id": "1"}).status_code == 302
    assert cast.normal_user.role.role_name == Role.ADMIN
    assert alice.post(path(cast, bob, "remove")).status_code == 302
    assert not Member.objects.filter(pk=bob.pk).exists()


@pytest.mark.parametrize("action", ["role", "remove"])
def test_the_last_admin_stays_and_the_page_says_why_beside_the_control(cast: Cast, alice: Client, action: str) -> None:
    before = everything()
    page = alice.post(path(cast, cast.admin, action), {"role_id": "2"})
    assert (page.status_code, page.context["refused"]["member"]) == (409, cast.admin.pk)
    assert "last Admin" in page.content.decode()
    assert everything() == before


@pytest.mark.parametrize("role", ["", "3", "x", "9" * 5000])
def test_a_role_that_there_is_not_changes_nothing(cast: Cast, alice: Client, role: str) -> None:
    before = everything()
    assert alice.post(path(cast, cast.normal_user, "role"), {"role_id": role}).status_code == 400
    assert everything() == before


def test_who_leaves_is_shown_the_start(cast: Cast) -> None:
    Member.objects.filter(pk=cast.normal_user.pk).update(role=1)
    bob = sign_in(cast.bob)
    assert bob.post(path(cast, cast.normal_user, "remove"))["Location"] == "/"
    assert bob.get(path(cast)).status_code == 404


def test_bob_sees_who_is_there_without_any_action(cast: Cast) -> None:
    text = sign_in(cast.bob).get(path(cast)).content.decode()
    main = text.partition("<main")[2]
    assert ("alice@example.com" in main, "bob@example.com" in main, "<form" in main) == (True, True, False)


def test_a_member_of_another_account_is_not_there(cast: Cast, alice: Client) -> None:
    charlie, before = Member.objects.get(account=cast.other), everything()
    paths = [path(cast, charlie, action) for action in ("role", "remove")]
    paths += [f"/accounts/{cast.account.pk}/members/{uuid7()}/remove/"]
    assert [alice.post(each, {"role_id": "2"}).status_code for each in paths] == [404] * 3
    assert everything() == before


def test_a_page_of_fifty_costs_the_queries_of_a_page_of_one(cast: Cast, alice: Client) -> None:
    counts, role = [], Role.objects.get(role_name=Role.NORMAL_USER)
    for more in (0, 60):
        for number in range(more):
            user = User.objects.create_user(f"m{number}@example.com")
            Member.objects.create(account=cast.account, user=user, role=role, created_by=cast.alice, updated_by=cast.alice)
        with CaptureQueriesContext(connection) as queries:
            page = alice.get(path(cast))
        counts.append((len(queries), page.context["shelf"].links["next"]))
    assert counts[0][0] == counts[1][0]
    assert alice.get(counts[1][1]).status_code == 200
