"""Who belongs to an account, over REST."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts import members
from apps.accounts.models import Account, Member, Role
from apps.accounts.services import create_account
from apps.common.errors import Conflict, Missing
from apps.common.ids import uuid7
from apps.users.models import User
from tests.browsing import everything
from tests.cast import PASSWORD, Cast
from tests.rest import Answer, Rest
from tests.together import together

FIELDS = {"id", "account_id", "user_id", "email", "role_id", "state", "created_at", "updated_at", "created_by", "updated_by"}
ADMIN, NORMAL_USER = 1, 2


def somebody() -> str:
    """An address that no test has invited before: its limit lasts a day."""
    return f"{uuid7()}@example.com"


def add(cast: Cast, email: str = "", **fields: Any) -> Answer:
    asked = {"account_id": str(cast.account.pk), "role_id": NORMAL_USER} | ({"email": email} if email else {})
    return Rest(cast.alice).post("members/", asked | fields)


def ids(answer: Answer) -> set[str]:
    return {each["id"] for each in answer.body["results"]}


def test_an_admin_adds_somebody_by_e_mail(cast: Cast) -> None:
    email = somebody()
    answer = add(cast, email.upper())
    data = answer.body["data"]
    assert (answer.status, answer.body["message"], set(data)) == (201, "Data Received", FIELDS)
    assert (data["email"], data["role_id"], data["state"], data["user_id"]) == (email, NORMAL_USER, "invited", None)
    assert data["created_by"] == data["updated_by"] == str(cast.alice.pk)
    read = Rest(cast.bob).get(f"members/{data['id']}/")
    assert (read.body, read.headers["etag"]) == (data, answer.headers["etag"])


def test_a_known_and_an_unknown_e_mail_look_alike(cast: Cast) -> None:
    known, unknown = User.objects.create_user(somebody(), PASSWORD).email, somebody()
    own = {"id", "email", "created_at", "updated_at"}
    shown = [add(cast, email).body["data"] for email in (known, unknown)]
    listed = {each["email"]: each for each in Rest(cast.alice).get("members/").body["results"]}
    assert len({str({name: each[name] for name in FIELDS - own}) for each in [*shown, listed[known], listed[unknown]]}) == 1
    first, second = mail.outbox
    assert (first.subject, first.from_email) == (second.subject, second.from_email)
    without_link = [[line for line in str(each.body).splitlines() if "/key/" not in line] for each in (first, second)]
    assert without_link[0] == without_link[1]
    history = Rest(cast.alice).get(f"accounts/{cast.account.pk}/audit/").body["results"][:2]
    assert history[0]["after"] == history[1]["after"] == {"role": "Normal user", "state": "invited"}


def test_who_had_proved_the_e_mail_may_use_the_account_at_once_and_is_active_once_they_come(cast: Cast) -> None:
    dora = User.objects.create_user(somebody(), PASSWORD)
    earlier = Rest(dora)
    member = add(cast, dora.email).body["data"]
    assert earlier.get(f"accounts/{cast.account.pk}/").status == 200
    assert Member.objects.get(pk=member["id"]).state == "invited"
    assert Rest().post("auth/login/", {"email": dora.email, "password": PASSWORD}).status == 200
    read = Rest(cast.alice).get(f"members/{member['id']}/").body
    assert (read["state"], read["user_id"], read["updated_by"]) == ("active", str(dora.pk), str(dora.pk))


def test_who_had_not_proved_the_e_mail_has_no_rights(cast: Cast, settings: LazySettings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    squatter = User.objects.create_user(somebody(), PASSWORD)
    member = add(cast, squatter.email).body["data"]
    before = everything()
    rest = Rest(squatter)
    assert rest.get(f"accounts/{cast.account.pk}/").status == rest.get(f"members/{member['id']}/").status == 404
    assert Member.objects.get(pk=member["id"]).state == "invited"
    assert everything()["accounts_member"] == before["accounts_member"]


def test_somebody_who_shares_an_account_is_added_by_id_and_active(cast: Cast) -> None:
    other, _ = create_account(by=cast.alice, account_name="Second")
    answer = add(cast, account_id=str(other.pk), user_id=str(cast.bob.pk))
    data = answer.body["data"]
    assert (answer.status, data["state"], data["user_id"], data["email"]) == (201, "active", str(cast.bob.pk), cast.bob.email)
    assert mail.outbox == []
    assert Rest(cast.bob).get(f"accounts/{other.pk}/").status == 200


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"role_id": 3}, "role_id"),
        ({"role_id": 2**60}, "role_id"),
        ({"role_id": None}, "role_id"),
        ({"email": "nonsense"}, "email"),
        ({"email": "a\x00b@example.com"}, "email"),
        ({"email": ""}, "email"),
        ({"email": None}, "email"),
        ({"user_id": "charlie"}, "email"),
        ({"email": "charlie", "user_id": "charlie"}, "email"),
        ({"user_id": "nobody", "email": "absent"}, "user_id"),
        ({"user_id": "charlie", "email": "absent"}, "user_id"),
        ({"account_id": "theirs"}, "account_id"),
        ({"account_id": None}, "account_id"),
        ({"name": "x"}, "name"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_and_nothing_is_made(cast: Cast, fields: dict[str, Any], named: str) -> None:
    words = {"charlie": str(cast.charlie.pk), "nobody": str(uuid7()), "theirs": str(cast.other.pk)}
    asked = {"account_id": str(cast.account.pk), "email": "dora@example.com", "role_id": 2} | fields
    asked = {name: words.get(str(value), value) for name, value in asked.items() if value != "absent"}
    before = everything()
    answer = Rest(cast.alice).post("members/", asked)
    assert (answer.status, list(answer.body["details"])) == (400, [named])
    assert {**everything(), "users_signin": []} == {**before, "users_signin": []}
    assert mail.outbox == []


@pytest.mark.parametrize("who", ["by e-mail", "by id", "came"])
def test_nobody_is_a_member_twice(cast: Cast, who: str) -> None:
    email = cast.bob.email if who == "by e-mail" else somebody()
    if who == "came":
        add(cast, email)
        Member.objects.filter(user__email=email).update(state="active")
    again = add(cast, user_id=str(cast.bob.pk)) if who == "by id" else add(cast, email)
    assert (again.status, again.body["message"]) == (409, "Conflict")
    assert Member.objects.filter(account=cast.account).count() == (3 if who == "came" else 2)


def test_who_has_not_come_is_invited_again_by_the_same_request(cast: Cast) -> None:
    email = somebody()
    first, again = add(cast, email), add(cast, email.upper())
    assert (first.status, again.status) == (201, 200)
    assert (again.body, again.headers["etag"]) == (first.body, first.headers["etag"])
    assert [each.to for each in mail.outbox] == [[email]] * 2
    (entry, *_) = Rest(cast.alice).get(f"accounts/{cast.account.pk}/audit/").body["results"]
    assert (entry["action"], entry["object_id"]) == ("member.invited_again", first.body["data"]["id"])
    assert [add(cast, email).status for _ in range(4)] == [200] * 3 + [429]
    assert len(mail.outbox) == 5


def test_nobody_is_invited_again_in_another_role_or_by_a_normal_user(cast: Cast) -> None:
    email = somebody()
    add(cast, email)
    other = add(cast, email, role_id=ADMIN)
    assert (other.status, "Normal user" in other.body["details"]["reason"][0]) == (409, True)
    asked = {"account_id": str(cast.account.pk), "email": email, "role_id": NORMAL_USER}
    assert Rest(cast.bob).post("members/", asked).status == 403
    assert (Member.objects.get(user__email=email).role_id, len(mail.outbox)) == (NORMAL_USER, 1)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_normal_user_only_reads_and_a_stranger_finds_nothing(cast: Cast, method: str) -> None:
    path, bob, charlie = f"members/{cast.admin.pk}/", Rest(cast.bob), Rest(cast.charlie)
    body = {"role_id": 2, "account_id": str(cast.account.pk)} if method.startswith("P") else None
    before = everything()
    assert bob(method, path, body).status == (200 if method == "GET" else 403)
    assert charlie(method, path, body).status == 404
    assert everything() == before


def test_only_an_admin_adds(cast: Cast) -> None:
    bob, charlie, before = Rest(cast.bob), Rest(cast.charlie), everything()
    asked = {"account_id": str(cast.account.pk), "email": somebody(), "role_id": 2}
    assert bob.post("members/", asked).status == 403
    refused = charlie.post("members/", asked)
    assert (refused.status, list(refused.body["details"])) == (400, ["account_id"])
    assert everything() | {"users_signin": []} == before | {"users_signin": []}


def test_the_role_changes_and_nothing_else(cast: Cast) -> None:
    alice, path = Rest(cast.alice), f"members/{cast.normal_user.pk}/"
    read = alice.get(path)
    assert alice.put(path, read.body).status == 200
    for name in ("account_id", "user_id", "email"):
        wrong = alice.put(path, read.body | {name: str(cast.other.pk) if name != "email" else "x@example.com"})
        assert (wrong.status, list(wrong.body["details"])) == (400, [name])
    changed = alice.patch(path, {"role_id": ADMIN}, If_Match=read.headers["etag"])
    assert (changed.status, changed.body["data"]["role_id"]) == (200, ADMIN)
    assert alice.patch(path, {"role_id": NORMAL_USER}, If_Match=read.headers["etag"]).status == 412
    assert Rest(cast.bob).get(f"accounts/{cast.account.pk}/token/").status == 200


def test_who_is_removed_is_out_at_once(cast: Cast) -> None:
    bob = Rest(cast.bob)
    assert Rest(cast.alice).delete(f"members/{cast.normal_user.pk}/").status == 204
    assert bob.get(f"accounts/{cast.account.pk}/").status == 404
    assert bob.get("members/").body["results"] == []


@pytest.mark.parametrize("how", ["removed", "demoted"])
def test_the_last_admin_stays(cast: Cast, how: str) -> None:
    add(cast, somebody(), role_id=ADMIN)  # who has not come is nobody to leave an account to
    trusted = User.objects.create_user(somebody(), PASSWORD)
    add(cast, trusted.email, role_id=ADMIN)
    alice, path = Rest(cast.alice), f"members/{cast.admin.pk}/"
    before = everything()
    answer = alice.delete(path) if how == "removed" else alice.patch(path, {"role_id": NORMAL_USER})
    assert (answer.status, answer.body["code"]) == (409, "conflict")
    assert everything() == before


@pytest.mark.parametrize("how", ["removed", "demoted", "erased"])
def test_of_two_admins_who_go_for_each_other_at_once_one_stays(cast: Cast, how: str) -> None:
    Member.objects.filter(pk=cast.normal_user.pk).update(role=ADMIN)
    pair = [cast.admin, cast.normal_user]

    def act(number: int) -> object:
        own, other = Member.objects.select_related("role", "user").get(pk=pair[number].pk), pair[1 - number]
        if how == "erased":
            return Rest(own.user).delete("auth/me/").status
        if how == "removed":
            return members.remove_member(by=own, member=other)
        return members.update_member(by=own, member=other, changes={"role_id": NORMAL_USER})

    outcomes = together(2, act)
    refused = [each for each in outcomes if isinstance(each, Exception) or each == 409]
    admins = Member.objects.active().filter(account=cast.account, role__role_name=Role.ADMIN)
    assert (admins.count(), len(refused)) == (1, 1)


def test_the_list_has_the_members_of_ones_own_accounts(cast: Cast) -> None:
    alice = Rest(cast.alice)
    own = {str(cast.admin.pk), str(cast.normal_user.pk)}
    assert ids(alice.get("members/")) == ids(alice.get(f"accounts/{cast.account.pk}/members/")) == own
    assert Rest(cast.charlie).get(f"accounts/{cast.account.pk}/members/").status == 404
    by_email = [each["email"] for each in alice.get("members/?ordering=-email").body["results"]]
    assert by_email == ["bob@example.com", "alice@example.com"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("role_id=1", {"alice"}),
        ("state=active&role_id=2", {"bob"}),
        ("state=invited", {"dora"}),
        ("email=Bob@Example.com", {"bob"}),
        ("user_id={bob}", {"bob"}),
        ("user_id={dora}", set()),
        ("account_id={account}", {"alice", "bob", "dora"}),
        ("account_id={other}", set()),
        ("search=OB@", {"bob"}),
        ("search=", {"alice", "bob", "dora"}),
        ("created_at_after=2000-01-01T00:00:00Z&created_by={alice}", {"alice", "bob", "dora"}),
        ("created_at_before=2000-01-01T00:00:00Z", set()),
    ],
)
def test_the_list_is_filtered(cast: Cast, query: str, names: set[str]) -> None:
    dora = User.objects.create_user("dora@example.com", PASSWORD)
    fields = {"state": "invited", "trusted": True, "created_by": cast.alice, "updated_by": cast.alice, "role_id": 2}
    Member.objects.create(account=cast.account, user=dora, **fields)
    people = {"alice": cast.alice.pk, "bob": cast.bob.pk, "dora": dora.pk}
    asked = query.format(account=cast.account.pk, other=cast.other.pk, **people)
    answer = Rest(cast.alice).get(f"members/?{asked}")
    assert {each["email"].partition("@")[0] for each in answer.body["results"]} == names


@pytest.mark.parametrize("query", ["role_id=3", "role_id=x", "state=gone", "user_id=1", "who=x", "created_at_after=now"])
def test_a_filter_that_cannot_be_is_named(cast: Cast, query: str) -> None:
    answer = Rest(cast.alice).get(f"members/?{query}")
    assert (answer.status, list(answer.body["details"])) == (400, [query.partition("=")[0]])


def test_fifty_members_cost_as_many_queries_as_one(cast: Cast) -> None:
    rest, counted = Rest(cast.alice), list[int]()
    for number in (0, 50):
        people = [User.objects.new(f"{index}@many.example") for index in range(number)]
        User.objects.bulk_create(people)
        stamps = {"created_by": cast.alice, "updated_by": cast.alice, "role_id": 2, "account": cast.account}
        Member.objects.bulk_create([Member(user=each, **stamps) for each in people])
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(rest.get("members/").body["results"]) == min(50, 2 + number)
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_additions_of_one_person_at_once_make_one_member(cast: Cast) -> None:
    email, by = somebody(), cast.admin
    outcomes = together(4, lambda _: members.add_member(by=by, role_id=NORMAL_USER, email=email))
    assert sum(isinstance(each, Conflict) for each in outcomes) == 3
    assert Member.objects.filter(account=cast.account, user__email=email).count() == 1


def test_nobody_is_added_to_an_account_that_was_deleted_meanwhile(cast: Cast) -> None:
    by = cast.admin
    Account.objects.filter(pk=cast.account.pk).update(deleted_at="2026-01-01T00:00:00Z")
    with pytest.raises(Missing):
        members.add_member(by=by, role_id=NORMAL_USER, email=somebody())
    assert mail.outbox == []
