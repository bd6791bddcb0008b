"""What is taken in, and how it is brought out."""

from datapusher.settings import env
from datapusher.settings.database import DATABASE_URL

INGEST_RATE = env.per_second("INGEST_RATE", "5/second")
INGEST_MAX_BYTES = env.integer("INGEST_MAX_BYTES", 1_048_576, low=1, high=16_777_216)
# Django's own limit must not be hit before ours: the plain Django path answers like the fast lane.
DATA_UPLOAD_MAX_MEMORY_SIZE = max(2_621_440, INGEST_MAX_BYTES + 1)

RETRY_SCHEDULE = env.seconds_list("RETRY_SCHEDULE", "5,300,1800,7200,18000,36000,50400,72000,86400")

# New deliveries a second of one bulk replay: what most receivers bear beside their daily traffic.
REPLAY_RATE = env.per_second("REPLAY_RATE", "50/second")

# Public addresses only; on a single machine without DATABASE_URL also itself, where a newcomer's receiver runs.
DESTINATION_ALLOWED_NETWORKS = env.networks("DESTINATION_ALLOWED_NETWORKS", "" if DATABASE_URL else "127.0.0.0/8,::1/128")

# Deliveries of an account that may wait; beyond it takes nothing: its backlog would cost all others room and vacuum.
MAX_WAITING_PER_ACCOUNT = env.integer("MAX_WAITING_PER_ACCOUNT", 5_000_000, low=1, high=2_000_000_000)

# Days that an event, and a log, is kept. A log shows its event's data, so it goes with the event at the latest.
EVENT_RETENTION_DAYS = env.integer("EVENT_RETENTION_DAYS", 90, low=1, high=36_500)
LOG_RETENTION_DAYS = env.integer("LOG_RETENTION_DAYS", 90, low=1, high=36_500)

# Days that a deleted account can be brought back.
PURGE_AFTER_DAYS = env.integer("PURGE_AFTER_DAYS", 7, low=1, high=3650)

# Tries in the air at once in one worker: 16 MiB of bodies at 32 KiB each, and far below the usual 1,024 file handles.
WORKER_SEATS = 400
# Beside them, tries that have been in the air for WORKER_SLOW_S: a receiver that hangs must not take the others' seats. With
# both a worker stays below those file handles.
WORKER_SLOW_SEATS = 400
WORKER_SLOW_S = 1.0
# Seconds between looks at the database when no doorbell rings; the doorbell is only a hint.
WORKER_POLL_S = 1.0
# Seconds that a stopping worker gives its tries to end and the database to take their results; supervisors kill after 30.
WORKER_STOP_S = 25.0
# Seconds that a lease lasts beyond a try's own timeout: for the way to the database and back.
LEASE_MARGIN_S = 30
# Seconds of its lease that a try must have left beyond its own timeout when it is dialled.
DIAL_MARGIN_S = 15
