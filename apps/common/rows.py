"""Many rows in one statement, for what is written and read most: the ORM's own ways took three times as long (measured).

On PostgreSQL a column is one binary array, whatever the number of rows, so that a statement's text never changes and each
connection plans it once a second. On SQLite a value is a parameter.
"""

# ruff: noqa: S608  (statements made of our own tables' and columns' names)

import struct
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, cast
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from django.db import connection, connections, models
from django.db.models import QuerySet
from django.db.models.lookups import In
from psycopg.adapt import Dumper
from psycopg.pq import Format

# Field -> one value a row. The first is a key.
Columns = Mapping[str, Sequence[Any]]


def insert(model: type[models.Model], columns: Columns, *, ignore_conflicts: bool = False) -> None:
    """Inserts them in the given order. A field that is not given gets the database's default."""
    _insert(model, columns, "ON CONFLICT DO NOTHING" if ignore_conflicts else "")


def insert_new(model: type[models.Model], columns: Columns, mark: type[models.Model]) -> set[Any]:
    """Inserts those that no unique constraint refuses, and for each of them its key, alone, into `mark`. Returns these keys."""
    key, own = _quoted(model._meta.pk), _quoted(mark._meta.pk)
    end = f"ON CONFLICT DO NOTHING RETURNING {key}"
    if connection.vendor == "postgresql":
        apart, alike = _split(columns)
        new = f"WITH new AS ({_insertion(model, tuple(apart), tuple(alike))} {end})"
        beside = f", beside AS (INSERT INTO {_table(mark)} ({own}) SELECT {key} FROM new) SELECT {key} FROM new"
        return {row[0] for row in run(new + beside, [*alike.values(), *apart.values()])}
    pk: Any = model._meta.pk
    made = {pk.to_python(row[0]) for row in _insert(model, columns, end)}
    if made:
        insert(mark, {str(mark._meta.pk.name): sorted(made)})
    return made


@contextmanager
def together() -> Iterator[None]:
    """Statements go out one behind the other, and are waited for where an answer is read, at the latest at the end of the
    block. A refused one is told there too. Of the ORM's writes in it nobody may read how many rows they met."""
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        with connection.wrap_database_errors, connection.connection.pipeline():
            yield
    else:
        yield


def add(model: type[models.Model], columns: Columns, counted: Collection[str]) -> None:
    """Inserts them; where there is one already that has all but the primary key and `counted` alike, its own grow by these."""
    own = [field for field in _fields(model, columns) if not field.primary_key and field.name not in counted]
    sums = [f"{count} = {_table(model)}.{count} + excluded.{count}" for count in map(_quoted, _fields(model, counted))]
    _insert(model, columns, f"ON CONFLICT ({', '.join(map(_quoted, own))}) DO UPDATE SET {', '.join(sums)}")


def columns_of(objects: Sequence[Any], names: Iterable[str]) -> Columns:
    """Of models, or of what has the same attributes."""
    return {name: list(map(attrgetter(name), objects)) for name in names}


def _insert(model: type[models.Model], columns: Columns, end: str) -> list[tuple[Any, ...]]:
    """Returns what the end of the statement says, on SQLite only."""
    if _is_empty(columns):
        return []
    if connection.vendor == "postgresql":
        apart, alike = _split(columns)
        run(f"{_insertion(model, tuple(apart), tuple(alike))} {end}", [*alike.values(), *apart.values()], answers=False)
        return []
    apart, alike = _split(columns)
    fields, values = _fields(model, [*alike, *apart]), [*apart.values()]
    once = [field.get_db_prep_save(value, connection) for field, value in zip(fields, alike.values(), strict=False)]
    rows = list(zip(*_prepared(fields[len(once) :], values), strict=True))
    at_once = ((connection.features.max_query_params or 999) - len(once)) // len(values)
    chosen = ", ".join([*["%s"] * len(once), "given.*"])
    places = f"({', '.join(['%s'] * len(values))})"
    made: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        for start in range(0, len(rows), at_once):
            some = rows[start : start + at_once]
            given = f"(VALUES {', '.join([places] * len(some))}) AS given"
            # Without a WHERE, SQLite takes the ON of the conflict for a join's.
            statement = f"{_into(model, fields)} SELECT {chosen} FROM {given} WHERE true {end}"
            cursor.execute(statement, [*once, *chain.from_iterable(some)])
            made += cursor.fetchall()
    return made


def update(model: type[models.Model], columns: Columns) -> None:
    """Sets every field but the first, which is the primary key. The caller has locked the rows."""
    if _is_empty(columns):
        return
    if connection.vendor == "postgresql":
        apart, alike = _split(columns)
        run(_change(model, tuple(apart), tuple(alike)), [*alike.values(), *apart.values()], answers=False)
        return
    key, *rest = _fields(model, columns)
    to = ", ".join(f"{_quoted(field)} = %s" for field in rest)
    keys, *values = _prepared([key, *rest], columns.values())
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {_table(model)} SET {to} WHERE {_quoted(key)} = %s", list(zip(*values, keys, strict=True)))


def _split(columns: Columns) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Columns as arrays, and those that need none, since all their values are alike: half of a usual batch's."""
    apart: dict[str, list[Any]] = {}
    alike: dict[str, Any] = {}
    for name, values in columns.items():
        if apart and _are_alike(values):
            alike[name] = values[0]
        else:
            apart[name] = array(values)
    return apart, alike


@lru_cache(maxsize=256)
def _insertion(model: type[models.Model], apart: Sequence[str], alike: Sequence[str]) -> str:
    arrays, values = _fields(model, apart), _fields(model, alike)
    chosen = ", ".join([*(f"%b::{_kind(field)}" for field in values), "given.*"])
    return f"{_into(model, [*values, *arrays])} SELECT {chosen} FROM unnest({_arrays(arrays)}) AS given"


def _into(model: type[models.Model], fields: Iterable[Any]) -> str:
    return f"INSERT INTO {_table(model)} ({', '.join(map(_quoted, fields))})"


@lru_cache(maxsize=256)
def _change(model: type[models.Model], apart: Sequence[str], alike: Sequence[str]) -> str:
    key, *arrays = _fields(model, apart)
    to = [f"{_quoted(field)} = %b::{_kind(field)}" for field in _fields(model, alike)]
    to += [f"{_quoted(field)} = given.{_quoted(field)}" for field in arrays]
    given = f"unnest({_arrays([key, *arrays])}) AS given({', '.join(map(_quoted, [key, *arrays]))})"
    return f"UPDATE {_table(model)} AS row SET {', '.join(to)} FROM {given} WHERE row.{_quoted(key)} = given.{_quoted(key)}"


def run(statement: str, values: Sequence[Any] | Mapping[str, Any], *, answers: bool = True) -> list[tuple[Any, ...]]:
    """On PostgreSQL: prepared by each connection, and its answer binary. Past the cursor of Django, which asks for neither."""
    answer = ask(statement, values)
    return answer() if answers else []


Answer = Callable[[], list[tuple[Any, ...]]]


def ask(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> Answer:
    """The same; in `together()` it is not waited for until the answer is called for.

    A plan made while a table was empty would read all of it once it is full: none is older than a second.
    """
    cursor = connection.cursor().cursor
    with connection.wrap_database_errors:
        now = time.monotonic()
        if now - _planned.get(connection.connection, 0.0) > _PLANNED_S:
            cursor.execute("DISCARD PLANS")
            _planned[connection.connection] = now
        if connection.queries_logged:
            connection.queries_log.append({"sql": statement, "time": "0"})  # as the cursor of Django does
        cursor.execute(statement.encode(), values, prepare=True, binary=True)

    def answer() -> list[tuple[Any, ...]]:
        with connection.wrap_database_errors, cursor:
            return cast("list[tuple[Any, ...]]", cursor.fetchall())

    return answer


_PLANNED_S = 1.0
_planned: "WeakKeyDictionary[Any, float]" = WeakKeyDictionary()


class _Ids(list[UUID | None]):
    """An array of UUIDs. psycopg's own way takes three times as long, and half of all columns are such."""


class _IdsDumper(Dumper):
    format = Format.BINARY
    oid = 2951  # uuid[]

    def dump(self, obj: _Ids) -> bytes:
        """One dimension, of type uuid, counted from 1; each with its length, a null with -1."""
        head = struct.pack("!5i", 1, 0, 2950, len(obj), 1)
        return head + b"".join([b"\xff\xff\xff\xff" if each is None else b"\0\0\0\x10" + each.bytes for each in obj])


psycopg.adapters.register_dumper(_Ids, _IdsDumper)


def array(values: Sequence[Any]) -> list[Any]:
    """A column as a parameter."""
    return _Ids(values) if values and isinstance(values[0], UUID) else list(values)


class Reading:
    """A query of the ORM for the rows of some keys, made into SQL once. `build` uses the lookup `among` for the keys."""

    def __init__(self, build: Callable[[Sequence[Any]], QuerySet[Any, tuple[Any, ...]]]) -> None:
        self._build = build
        self._statement = ""
        self._values: tuple[Any, ...] = ()

    def __call__(self, keys: Iterable[Any]) -> list[tuple[Any, ...]]:
        return self.ask(keys)()

    def ask(self, keys: Iterable[Any]) -> Answer:
        """The same; see `ask`."""
        wanted = list(keys)
        if connection.vendor != "postgresql":
            rows = list(self._build(wanted))
            return lambda: rows
        if not self._statement:
            self._statement, self._values = self._build(_Keys()).query.sql_with_params()
        wanted = array(wanted)
        return ask(self._statement, [wanted if isinstance(value, _Keys) else value for value in self._values])


class _Keys(list[Any]):
    """Stands for the keys while the SQL is made."""


@models.ForeignKey.register_lookup
@models.Field.register_lookup
class Among(In):
    """`in`, with one parameter for all values on PostgreSQL."""

    lookup_name = "among"

    def get_prep_lookup(self) -> Any:
        return self.rhs  # as it was given: by its type `Reading` finds its place again

    def as_postgresql(self, compiler: Any, using: Any) -> tuple[str, list[Any]]:
        column, values = self.process_lhs(compiler, using)
        return f"{column} = ANY(%b)", [*values, self.rhs]


def _fields(model: type[models.Model], names: Iterable[str]) -> list[Any]:
    return [model._meta.get_field(name) for name in names]


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _quoted(field: Any) -> str:
    return connection.ops.quote_name(field.column)


def _prepared(fields: Iterable[Any], columns: Iterable[Sequence[Any]]) -> list[list[Any]]:
    # Itself: its proxy looks for the thread's own at each attribute, which takes twice as long as all else.
    own = connections[connection.alias]
    return [
        [field.get_db_prep_save(values[0], own)] * len(values)
        if _are_alike(values)
        else [field.get_db_prep_save(value, own) for value in values]
        for field, values in zip(fields, columns, strict=True)
    ]


def _is_empty(columns: Columns) -> bool:
    return not next(iter(columns.values()))


def _are_alike(values: Sequence[Any]) -> bool:
    return bool(values[-1] == values[0] and values.count(values[0]) == len(values))


def _arrays(fields: Iterable[Any]) -> str:
    return ", ".join(f"%b::{_kind(field)}[]" for field in fields)


def _kind(field: Any) -> str:
    """A foreign key has the type of what it refers to. A cast to varchar(n) would cut what is too long, in silence; an
    assignment refuses it."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return "text" if isinstance(field, models.CharField) else str(field.rel_db_type(connection))
