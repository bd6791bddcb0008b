"""Second factors' secrets when keys are rotated. They stand in django-allauth's own table, in JSON, encrypted by MfaAdapter."""

from collections.abc import Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.db import transaction

from apps.common.fields import encrypted_anew
from apps.common.rotation import Progress

_FERNET = "gAAAA"  # how each of its texts begins: version 0x80 and a time


def rotate_factors(*, dry_run: bool) -> Iterator[Progress]:
    """One at a time, locked: a recovery code that is used meanwhile stays used."""
    progress = Progress(Authenticator._meta.label)
    for pk in list(Authenticator.objects.order_by("pk").values_list("pk", flat=True)):
        _rotate_one(pk, progress, dry_run=dry_run)
        yield progress
    yield progress


@transaction.atomic
def _rotate_one(pk: int, progress: Progress, *, dry_run: bool) -> None:
    factor = Authenticator.objects.select_for_update(no_key=True).filter(pk=pk).first()
    if factor is None:
        return
    progress.looked_at += 1
    try:
        data = _anew(factor.data)
    except InvalidToken:
        progress.lost.append(str(pk))
        return
    progress.changed += data != factor.data
    if data != factor.data and not dry_run:
        factor.data = data
        factor.save(update_fields=["data"])


def _anew(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _anew(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_anew(each) for each in value]
    return encrypted_anew(value.encode()).decode() if isinstance(value, str) and value.startswith(_FERNET) else value
