"""Every write to members."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from apps.accounts import invitations
from apps.accounts.drafts import TWICE, newcomer
from apps.accounts.models import Account, Member, Role
from apps.accounts.policies import Right, authorise
from apps.accounts.selectors import shares_an_account
from apps.audit import services as audit
from apps.common.errors import Conflict, Missing, Stale
from apps.users import services as users
from apps.users.models import User
from apps.users.selectors import has_proved


def add_member(*, by: Member, role_id: int, email: str = "", user_id: UUID | None = None) -> Member:
    """A new member of the caller's account: by e-mail, known or not, with an invitation; or somebody the caller knows, by id.

    Whoever is added by e-mail is `invited` until they come, so that nothing tells whether the e-mail was known. Who had proved
    it may use the account at once; who had not, once the link in the mail is followed.

    Raises:
        NotAllowed, Missing.
        ValidationError: on role_id, email or user_id.
        Conflict: a member already.
        TooMany: the day's invitations of the account or to the address are used up.
    """
    authorise(by.role.role_name, Right.MANAGE_MEMBERS)
    role = _role(role_id)
    if user_id is not None:
        return _add_known(by, role, user_id)
    drafted = newcomer(by, email)  # who cannot be is not counted as an invitation
    invitations.count(Member(account_id=by.account_id, user=drafted))
    with transaction.atomic():
        account = _lock(by)
        user = users.invited(email=drafted.email, by=by.user)
        member = _store(by, account, user, role, state=Member.State.INVITED, trusted=user.is_active and has_proved(user))
    invitations.send(member)
    return member


def invite_again(*, by: Member, member: Member, role_id: int) -> Member:
    """Sends the mail again to somebody who has not come. The earlier link goes on working as long as it would have.

    Raises:
        NotAllowed, Missing.
        ValidationError: on role_id.
        Conflict: they came meanwhile, or were invited in another role.
        TooMany: the day's invitations of the account or to the address are used up.
    """
    authorise(by.role.role_name, Right.MANAGE_MEMBERS)
    role = _role(role_id)
    if member.role_id != role.pk:
        raise Conflict(f"They are invited as {member.role.role_name}; change the role of the member that is there.")
    invitations.count(member)
    with transaction.atomic():
        _lock(by)
        found = _find(by, member, None)
        if found.state != Member.State.INVITED:
            raise Conflict(TWICE)
        _note(by.user, "member.invited_again", found)
    invitations.send(found)
    return found


@transaction.atomic
def _add_known(by: Member, role: Role, user_id: UUID) -> Member:
    user = User.objects.filter(pk=user_id).first()
    if user is None or not shares_an_account(by.user, user):
        raise ValidationError({"user_id": ["You share no account with such a person; add them by e-mail."]})
    return _store(by, _lock(by), user, role, state=Member.State.ACTIVE)


def _store(by: Member, account: Account, user: User, role: Role, **state: Any) -> Member:
    member = Member(account=account, user=user, role=role, created_by=by.user, updated_by=by.user, **state)
    try:
        with transaction.atomic():
            member.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(TWICE) from error
    _note(by.user, "member.added", member, after=_shown(member))
    member.refresh_from_db(fields=["created_at", "updated_at"])
    return member


def _role(role_id: int) -> Role:
    role = Role.objects.filter(pk=role_id).first()
    if role is None:
        raise ValidationError({"role_id": ["There is no such role; see roles/."]})
    return role


def _shown(member: Member) -> dict[str, Any]:
    """What the history keeps: no e-mail, and no user id, which would tell whether the e-mail was known."""
    return {"role": member.role.role_name, "state": member.state}


def _note(user: User, action: str, member: Member, **changes: dict[str, Any]) -> None:
    audit.record(account_id=member.account_id, user_id=user.pk, action=action, object_id=member.pk, **changes)


def _lock(by: Member) -> Account:
    """The account, locked, so that its members change one after the other.

    Raises:
        Missing: it is deleted, or the caller was removed meanwhile.
        NotAllowed: the caller was demoted meanwhile.
    """
    account = Account.objects.alive().select_for_update(no_key=True).filter(pk=by.account_id).first()
    still = Member.objects.active().select_related("role").filter(pk=by.pk).first()
    if account is None or still is None:
        raise Missing("No such account.")
    authorise(still.role.role_name, Right.MANAGE_MEMBERS)
    return account


def _find(by: Member, member: Member, expected: int | None) -> Member:
    """The member as it stands. The caller holds the account's lock."""
    rows = Member.objects.select_for_update(no_key=True, of=("self",)).select_related("role", "user", "account")
    found = rows.filter(pk=member.pk, account=by.account_id).first()
    if found is None:
        raise Missing("No such member.")
    if expected is not None and found.version != expected:
        raise Stale
    return found


def _spare(member: Member) -> None:
    """Raises Conflict when the account would be left without an Admin. One who is only invited does not count."""
    admins = Member.objects.filter(state=Member.State.ACTIVE, user__is_active=True, role__role_name=Role.ADMIN)
    if member.role.role_name == Role.ADMIN and not admins.filter(account=member.account_id).exclude(pk=member.pk).exists():
        raise Conflict(f"This is the last Admin of {member.account.account_name}; make somebody else Admin first.")


@transaction.atomic
def update_member(*, by: Member, member: Member, changes: Mapping[str, Any], expected: int | None = None) -> Member:
    """Sets the role.

    Raises:
        NotAllowed, Missing, Stale.
        ValidationError: on role_id.
        Conflict: the last Admin would become a Normal user.
    """
    authorise(by.role.role_name, Right.MANAGE_MEMBERS)
    role = _role(changes["role_id"]) if "role_id" in changes else None
    _lock(by)
    found = _find(by, member, expected)
    if role is None or role == found.role:
        return found
    _spare(found)
    before = _shown(found)
    found.role = role
    Member.objects.filter(pk=found.pk).update(role=role, version=F("version") + 1, updated_by=by.user, updated_at=Now())
    _note(by.user, "member.updated", found, before=before, after=_shown(found))
    found.refresh_from_db(fields=["version", "updated_by", "updated_at"])
    return found


@transaction.atomic
def remove_member(*, by: Member, member: Member, expected: int | None = None) -> None:
    """Takes the person out at once; open live sockets are closed by the next look.

    Raises:
        NotAllowed, Missing, Stale.
        Conflict: the last Admin.
    """
    authorise(by.role.role_name, Right.MANAGE_MEMBERS)
    _lock(by)
    found = _find(by, member, expected)
    _spare(found)
    _note(by.user, "member.removed", found, before=_shown(found))
    found.delete()


@transaction.atomic
def accept(*, key: str, password: str | None = None) -> User:
    """Follows the link: every invitation of the person becomes active.

    Who had not proved the e-mail gives a password, the first that counts: whatever went before ends. Who had proved it keeps
    password and second factor, so that no link in a mail gets round them.

    Raises:
        Missing: the link has been used, is too old, or was withdrawn.
        ValidationError: on `password`.
    """
    member = invitations.invited_by(key)
    if member is None:
        raise Missing("No such invitation.")
    user = User.objects.select_for_update(no_key=True).get(pk=member.user_id)
    if invitations.invited_by(key) is None:  # another post of the same page was first
        raise Missing("No such invitation.")
    if not member.trusted:
        users.begin_anew(user=user, password=password or "")
    _activate(user, trusted_only=False)
    return user


@transaction.atomic
def arrive(*, user: User) -> None:
    """The person has come: where they may act, they are no longer shown as invited."""
    _activate(user, trusted_only=True)


def _activate(user: User, *, trusted_only: bool) -> None:
    waiting = Member.objects.filter(user=user, state=Member.State.INVITED).select_related("role").order_by("pk")
    for member in waiting.filter(trusted=True) if trusted_only else waiting:
        before = _shown(member)
        member.state = Member.State.ACTIVE
        Member.objects.filter(pk=member.pk).update(
            state=member.state, version=F("version") + 1, updated_by=user, updated_at=Now()
        )
        _note(user, "member.joined", member, before=before, after=_shown(member))


def leave_all(*, user: User) -> None:
    """Ends every membership of the person. Part of the caller's transaction.

    Raises:
        Conflict: the last Admin of an account that exists.
    """
    own = Member.objects.filter(user=user).order_by("account_id")
    ids = list(own.values_list("account_id", flat=True))
    list(Account.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True))
    for member in own.select_related("role", "account"):
        if member.account.deleted_at is None and member.state == Member.State.ACTIVE:
            _spare(member)
        _note(user, "member.removed", member, before=_shown(member))
        member.delete()
