"""Rotating keys: what an older one of FIELD_ENCRYPTION_KEYS encrypted is encrypted anew by the first. Values stay as they are.

Step by step, each a transaction that locks few rows, by id. What a step has done is passed by the next time, so that it may be
stopped and begun again; a writer waits for a step's few rows, and what it writes then stays.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.fernet import InvalidToken
from django.apps import apps
from django.db import models, transaction
from django.db.models import BinaryField, ExpressionWrapper, F, Value

from apps.common.fields import EncryptedTextField, encrypted_anew

# Rows of one transaction, some milliseconds: the worker waits at most half a second for a destination's row.
_BATCH = 200


@dataclass
class Progress:
    table: str
    looked_at: int = 0
    changed: int = 0
    lost: list[str] = field(default_factory=list)
    """The ids of rows that no key opens."""


def encrypted_tables() -> list[tuple[type[models.Model], list[str]]]:
    """Every model with encrypted fields, of whatever app, and their names."""
    found = ((model, _encrypted(model)) for model in apps.get_models())
    return [(model, names) for model, names in found if names]


def _encrypted(model: type[models.Model]) -> list[str]:
    return [each.name for each in model._meta.local_fields if isinstance(each, EncryptedTextField)]


def rotate(model: type[models.Model], names: list[str], *, dry_run: bool) -> Iterator[Progress]:
    """After each step how far it is."""
    progress, after = Progress(model._meta.label), None
    while (after := _rotate_some(model, names, after, progress, dry_run=dry_run)) is not None:
        yield progress
    yield progress


@transaction.atomic
def _rotate_some(model: type[models.Model], names: list[str], after: Any, progress: Progress, *, dry_run: bool) -> Any:
    """The last key of the step; None: there was nothing left to look at."""
    rows = model._base_manager.order_by("pk") if dry_run else model._base_manager.order_by("pk").select_for_update(no_key=True)
    if after is not None:
        rows = rows.filter(pk__gt=after)
    raw = {f"raw_{name}": ExpressionWrapper(F(name), output_field=BinaryField()) for name in names}
    last = None
    for last, *stored in rows.annotate(**raw).values_list("pk", *raw)[:_BATCH]:
        progress.looked_at += 1
        try:
            changed = {
                name: new for name, old in zip(names, map(bytes, stored), strict=True) if (new := encrypted_anew(old)) != old
            }
        except InvalidToken:
            progress.lost.append(str(last))
            continue
        progress.changed += bool(changed)
        if changed and not dry_run:
            values = {name: Value(new, output_field=BinaryField()) for name, new in changed.items()}
            model._base_manager.filter(pk=last).update(**values)
    return last
