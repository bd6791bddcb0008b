"""A person at the pages, and what stands in the database after it."""

from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from apps.users.models import User

MADE_BY_READING = {Session._meta.db_table, ContentType._meta.db_table}


def sign_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def everything() -> dict[str, list[bytes]]:
    """table -> its rows, each as raw bytes: what a thief of the database would read. Without what reading makes: sessions, and
    Django's names of tables."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        return {table: _rows(table) for table in sorted(tables) if table not in MADE_BY_READING}


def stands_anywhere(secret: str) -> bool:
    sessions = "".join(str(session.get_decoded()) for session in Session.objects.all()).encode()
    return any(secret.encode() in row for row in [sessions, *(row for rows in everything().values() for row in rows)])


def _rows(table: str) -> list[bytes]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  (a name from the catalogue)
        return sorted(b"|".join(_raw(value) for value in row) for row in cursor.fetchall())


def _raw(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
