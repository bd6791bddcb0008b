"""A column of words: a tsvector on PostgreSQL, plain text on SQLite."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import Lookup
from django.db.models.sql.compiler import SQLCompiler

if TYPE_CHECKING:
    _Field = models.Field[Sequence[str], Any]
    _Lookup = Lookup[Any]
else:
    _Field = models.Field  # generic in the stubs only
    _Lookup = Lookup


class WordsField(_Field):
    """Takes words of letters, digits, dots, `-`, `_` and `:`, so that nothing in them needs quoting. It is never read back."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "tsvector" if connection.vendor == "postgresql" else "text"

    def get_db_prep_value(self, value: Sequence[str], connection: BaseDatabaseWrapper, prepared: bool = False) -> str:
        if isinstance(value, str):  # it is prepared
            return value
        if connection.vendor == "postgresql":
            return " ".join(f"'{word}'" for word in value)
        return "".join(f" {word}" for word in value)


@WordsField.register_lookup
class Holds(_Lookup):
    """For each of the given: a word that begins with it. By the index."""

    lookup_name = "holds"
    prepare_rhs = False
    _match = "%s @@ %%s::tsquery"

    def get_db_prep_lookup(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        return "%s", [value]

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str, ...]]:
        column, _ = self.process_lhs(compiler, connection)
        return " AND ".join(f"{column} LIKE %s" for _ in self.rhs), tuple(f"% {word}%" for word in self.rhs)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str, ...]]:
        column, _ = self.process_lhs(compiler, connection)
        return self._match % column, (" & ".join(f"'{word}':*" for word in self.rhs),)


@WordsField.register_lookup
class HoldsHere(Holds):
    """The same, row by row: the function behind `@@`, which no index serves. For words that most rows have."""

    lookup_name = "holds_here"
    _match = "ts_match_vq(%s, %%s::tsquery)"
