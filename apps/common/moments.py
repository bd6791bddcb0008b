"""Comparing with moments that the database holds."""

from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import TextField, Value


def edges(moment: datetime) -> tuple[Any, Any]:
    """The first and the last value that a column may hold for this very moment: equal is what lies between.

    SQLite keeps text, with three digits of a second where its own clock wrote it, six where we did, none where they were zero:
    compared with only one of these a page of a list begins with the last row of the one before, for ever.
    """
    if connection.vendor != "sqlite":
        return moment, moment
    text = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    low = text.removesuffix(".000000") if moment.microsecond == 0 else text[:-3] if moment.microsecond % 1000 == 0 else text
    return Value(low, output_field=TextField()), Value(text, output_field=TextField())
