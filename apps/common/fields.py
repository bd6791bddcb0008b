"""A text column that is encrypted at rest (Fernet: AES-128-CBC with HMAC-SHA-256)."""

from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression

# What stands for a secret that is not shown.
MASK = "********"

if TYPE_CHECKING:
    _TextField = models.Field[str, str]
else:
    _TextField = models.Field  # generic in the stubs only


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    """The first key encrypts, every key decrypts."""
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> bytes:
    return _cipher(settings.FIELD_ENCRYPTION_KEYS).encrypt(text.encode())


def decrypt(stored: bytes) -> str:
    """The text. Raises cryptography.fernet.InvalidToken when no key fits."""
    return _cipher(settings.FIELD_ENCRYPTION_KEYS).decrypt(stored).decode()


def encrypted_anew(stored: bytes) -> bytes:
    """The same text by the first key; itself where that is the key already. Raises InvalidToken when no key fits."""
    keys = settings.FIELD_ENCRYPTION_KEYS
    try:
        _cipher(keys[:1]).decrypt(stored)
    except InvalidToken:
        return _cipher(keys).rotate(stored)
    return stored


class EncryptedTextField(_TextField):
    """Text that stands encrypted in its column. It cannot be searched: find a token by its digest."""

    def get_internal_type(self) -> str:
        return "BinaryField"

    def get_db_prep_value(self, value: str | None, connection: BaseDatabaseWrapper, prepared: bool = False) -> object:
        return None if value is None else encrypt(value)

    def from_db_value(
        self, value: bytes | memoryview | None, expression: Expression, connection: BaseDatabaseWrapper
    ) -> str | None:
        return None if value is None else decrypt(bytes(value))
