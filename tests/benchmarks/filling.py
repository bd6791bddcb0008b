"""A database as it is after months: one account has nearly everything, 200 others the rest. PostgreSQL only."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from apps.accounts.models import Account, Member
from apps.accounts.services import create_account
from apps.events.words import of_account
from apps.logs.models import LogCounter
from apps.users.models import User
from tests.cast import make_destination

SMALL = 200
_BIG_SHARE = 0.95
_DESTINATIONS = 20
_DAYS = 30

# Their sides' ids come by uuidv7(), as ours do; a row is a function of its number, so that a word's share is known.
_EVENTS = """
INSERT INTO events_event (id, account_id, event_id, received_timestamp, body, digest, size, traceparent)
SELECT uuidv7(at - now()), account, 'evt_' || n, at, body::bytea, sha256(body::bytea), length(body), ''
FROM (
    SELECT n, account, now() - make_interval(secs => %(seconds)s * (1 - n / %(events)s::float)) AS at,
        format('{"type": "order.%%s", "id": "%%s", "name": "person%%s", "city": "city%%s", "total": %%s.90, "note": "%%s"}',
            (ARRAY['created', 'paid', 'shipped'])[1 + n %% 3], md5(n::text), n %% 5000, n %% 50, n %% 1000,
            repeat('lorem ipsum ', (n %% 40)::int)) AS body
    FROM generate_series(1, %(events)s) n
    JOIN filling ON number = CASE WHEN n %% 100 < %(share)s THEN 0 ELSE 1 + n / 100 %% %(small)s END
) made
"""
_WORDS = """
INSERT INTO events_words (event_id, words)
SELECT id, array_to_tsvector(ARRAY(SELECT DISTINCT mark || word FROM unnest(ARRAY[
    'type', 'order', 'id', 'name', 'city', 'total', 'note', 'evt', n::text, (ARRAY['created', 'paid', 'shipped'])[1 + n %% 3],
    md5(n::text), 'person' || n %% 5000, 'city' || n %% 50, n %% 1000 || '.90', 'lorem', 'ipsum']) word))
FROM (SELECT id, account_id, substr(event_id, 5)::bigint AS n FROM events_event) made JOIN filling ON account = account_id
"""
_DELIVERIES = """
INSERT INTO deliveries_delivery (id, account_id, event_id, destination_id, status, reason, attempts, claims, lost_leases,
    next_attempt_at, created_at, updated_at)
SELECT uuidv7(received_timestamp - now()), account_id, id, destinations[1 + n %% array_length(destinations, 1)],
    CASE WHEN n %% 100 < 95 THEN 'success' WHEN n %% 100 < 97 THEN 'failed' WHEN n %% 100 < 98 THEN 'cancelled'
    ELSE 'pending' END,
    CASE WHEN n %% 100 < 95 THEN '' WHEN n %% 100 < 97 THEN 'tries_ended' WHEN n %% 100 < 98 THEN 'by_person' ELSE '' END,
    1, 1, 0, CASE WHEN n %% 100 >= 98 THEN now() + make_interval(secs => n %% 86400) END, received_timestamp, received_timestamp
FROM (SELECT *, substr(event_id, 5)::bigint / 7 AS n FROM events_event) made JOIN filling ON account = account_id
"""
# A fifth of the deliveries has a failed try before its last one.
_LOGS = """
INSERT INTO logs_log (id, cursor, account_id, destination_id, event_id, delivery_id, received_timestamp, processed_timestamp,
    status, attempt, max_attempts, next_attempt_at, late, response_status, latency_ms, error, response_headers, response_body)
SELECT uuidv7(at - now()), row_number() OVER (PARTITION BY account_id ORDER BY at), account_id, destination_id, event_id, id,
    created_at, at, outcome, attempt, 10, NULL, n %% 5000 = 0,
    CASE WHEN outcome = 'success' THEN 200 WHEN n %% 3 = 0 THEN 503 END, 5 + n %% 300,
    CASE WHEN outcome = 'success' THEN '' WHEN n %% 3 = 0 THEN 'http_status' WHEN n %% 501 = 1 THEN 'tls_failed'
    ELSE 'timeout' END, '{}', 'ok'
FROM (
    SELECT tried.*, attempt, attempt + (number >> 3) AS n, created_at + make_interval(secs => attempt * attempt * 3) AS at,
        CASE WHEN attempt = tries AND status = 'success' THEN 'success' ELSE 'failed' END AS outcome
    FROM (
        SELECT *, abs(hashtext(id::text)::bigint) AS number, CASE WHEN hashtext(id::text) %% 5 = 0 THEN 2 ELSE 1 END AS tries
        FROM deliveries_delivery
    ) tried
    CROSS JOIN LATERAL generate_series(1, tries) attempt
) made
"""


@dataclass(frozen=True)
class Filled:
    user: User
    big: Account
    small: Account


def fill(logs: int) -> Filled:
    """That many logs, about; five sixths as many events and deliveries."""
    user = User.objects.create_user("bench@example.com", "correct horse battery")
    User.objects.filter(pk=user.pk).update(created_by=user)
    accounts = [_account(user, number) for number in range(SMALL + 1)]
    values = {"events": logs * 5 // 6, "seconds": _DAYS * 86_400, "share": int(_BIG_SHARE * 100), "small": SMALL}
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # no check of each reference: they are right as they are made
        cursor.execute("DROP INDEX words_of_event")
        cursor.execute("CREATE TEMP TABLE filling (number int, account uuid, mark text, destinations uuid[])")
        for number, (account_id, destinations) in enumerate(accounts):
            mark = of_account(account_id, {""})[0]
            cursor.execute("INSERT INTO filling VALUES (%s, %s, %s, %s)", [number, account_id, mark, destinations])
        for statement in (_EVENTS, _WORDS, _DELIVERIES, _LOGS):
            cursor.execute(statement, values)
        cursor.execute("CREATE INDEX words_of_event ON events_words USING gin (words)")
        cursor.execute("INSERT INTO logs_logcounter SELECT account_id, max(cursor) FROM logs_log GROUP BY account_id")
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE")
    big, small = accounts[0][0], accounts[1][0]
    return Filled(user, Account.objects.get(pk=big), Account.objects.get(pk=small))


def _account(user: User, number: int) -> tuple[UUID, list[UUID]]:
    account, _ = create_account(by=user, account_name=f"account {number}")
    member = Member.objects.get(account=account, user=user)
    count = 1 if number else _DESTINATIONS
    return account.pk, [make_destination(member, f"https://example.com/{each}").pk for each in range(count)]


def counted() -> int:
    return sum(LogCounter.objects.values_list("value", flat=True))
