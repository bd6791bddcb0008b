"""What erasing a person means for their own row and for what they made."""

from django.db import transaction
from django.db.models.functions import Now

from apps.common.batches import BATCH
from apps.common.models import stamped_models
from apps.users import signals
from apps.users.models import ANONYMOUS_USER_ID, User
from apps.users.services import forget


def erase(*, user: User) -> None:
    """Anonymises the person: e-mail, password, factors, sessions and memberships go, their stamps become the anonymous user's.

    Raises:
        Conflict: they are the last Admin of an account; nothing has changed.
    """
    with transaction.atomic():
        signals.leaving.send(User, user=user)
        transaction.set_rollback(True)  # only asked
    while _restamp(user):
        pass
    with transaction.atomic():
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        signals.leaving.send(User, user=locked)
        forget(locked)
        locked.email = locked.erased_email
        locked.set_unusable_password()
        locked.is_active = locked.is_staff = locked.is_superuser = False
        locked.last_login = None
        locked.created_by_id = locked.updated_by_id = ANONYMOUS_USER_ID
        locked.save()
        User.objects.filter(pk=locked.pk).update(updated_at=Now())
    while _restamp(user):  # what came in between
        pass


def _restamp(user: User) -> int:
    """Gives up to 1,000 stamps of the person to the anonymous user; their own row comes last, with the end."""
    moved = 0
    for model in stamped_models():
        for name in ("created_by", "updated_by"):
            rows = model._default_manager.filter(**{name: user}).exclude(pk=user.pk)
            ids = list(rows.values_list("pk", flat=True)[:BATCH])
            moved += model._default_manager.filter(pk__in=ids).update(**{f"{name}_id": ANONYMOUS_USER_ID}) if ids else 0
    return moved
