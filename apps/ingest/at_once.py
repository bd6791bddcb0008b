"""What usually comes of a batch, in one statement on PostgreSQL: it is its own transaction, and one way to the server and back.

It stores the new events of tokens that are valid. `batch.store` takes six ways for the same, and decides on what this leaves.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from apps.common.commits import durable
from apps.common.rows import array, run
from apps.deliveries.services import count_opened
from apps.events.models import NewEvent

# Events in the order of `given`, which is that in which every batch locks. Deliveries of the same moment are claimed and listed
# by their ids, and so in the order in which their events came: an id is a UUIDv7 with the moment of its event's, its place in
# this statement, and 32 bits of chance. A slip's lines are those of `logs.tally.packed`: account, destination (none: the
# events), 0 for "accepted", count.
_STATEMENT = """
WITH given AS (
    SELECT * FROM unnest(
        %b::uuid[], %b::uuid[], %b::text[], %b::bytea[], %b::bytea[], %b::integer[], %b::text[], %b::bytea[]
    ) WITH ORDINALITY AS each(id, account_id, event_id, body, digest, size, traceparent, token, place)
),
valid AS MATERIALIZED (
    SELECT token.digest, token.account_id FROM accounts_token AS token
    JOIN accounts_account AS account ON account.id = token.account_id
    WHERE token.digest = ANY(%b::bytea[]) AND account.deleted_at IS NULL
        AND (token.expires_at IS NULL OR token.expires_at > statement_timestamp())
),
new AS (
    INSERT INTO events_event (id, account_id, event_id, body, digest, size, traceparent)
    SELECT given.id, given.account_id, event_id, body, given.digest, size, traceparent
    FROM given JOIN valid ON valid.digest = given.token AND valid.account_id = given.account_id ORDER BY place
    ON CONFLICT DO NOTHING RETURNING id, account_id
),
marked AS (INSERT INTO events_unindexed (event_id) SELECT id FROM new),
ways AS MATERIALIZED (
    SELECT new.id AS event_id, new.account_id, destination.id AS destination_id,
        row_number() OVER (ORDER BY new.id, destination.id)::integer AS place
    FROM new JOIN destinations_destination AS destination USING (account_id) WHERE destination.deleted_at IS NULL
),
opened AS (
    INSERT INTO deliveries_delivery
        (id, account_id, event_id, destination_id, status, reason, attempts, claims, lost_leases)
    SELECT encode(
            substr(uuid_send(event_id), 1, 8) || '\\x80' || substr(int4send(place), 2)
                || substr(uuid_send(gen_random_uuid()), 13),
            'hex'
        )::uuid,
        account_id, event_id, destination_id, 'pending', '', 0, 0, 0
    FROM ways
),
counted AS (
    SELECT account_id, destination_id, count(*) FROM ways GROUP BY account_id, destination_id
    UNION ALL SELECT account_id, '00000000-0000-0000-0000-000000000000', count(*) FROM new GROUP BY account_id
),
slip AS (
    INSERT INTO logs_slip (lines)
    SELECT string_agg(uuid_send(account_id) || uuid_send(destination_id) || '\\x00' || int4send(count::integer), '')
    FROM counted HAVING count(*) > 0
)
SELECT id, (SELECT count(*) FROM ways) FROM new
"""


def serves() -> bool:
    """Not on SQLite."""
    return connection.vendor == "postgresql"


def store(events: Sequence[tuple[NewEvent, bytes]]) -> list[NewEvent]:
    """Those of the events, each with its token's digest, that are stored by now, with their deliveries. They come in the order
    of (account, event id), each of these once. Of the others nothing is said, and nothing stands. On SQLite that is all."""
    if not serves() or not events:
        return []
    own = [event for event, _ in events]
    tokens = [token for _, token in events]
    columns: list[Sequence[Any]] = [
        *([each.id for each in own], [each.account_id for each in own], [each.event_id for each in own]),
        *([each.body for each in own], [each.digest for each in own], [each.size for each in own]),
        *([each.traceparent for each in own], tokens, list(set(tokens))),
    ]
    with durable(alone=True):
        rows = run(_STATEMENT, [array(column) for column in columns])
    stored = {row[0] for row in rows}
    count_opened(rows[0][1] if rows else 0)
    return [event for event in own if event.id in stored]
