"""`/metrics`: who may read it, and what the database says beside what this process has counted."""

import hmac
import logging
from ipaddress import ip_address

from django.conf import settings
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from apps.common import metrics
from apps.common.addresses import unwrap
from apps.common.batching import PerLoop
from apps.common.lanes import lane
from apps.common.looks import Look
from apps.deliveries.vitals import UNKNOWN, Figures, figures

logger = logging.getLogger(__name__)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
# Seconds for which the database's numbers are good, and those after which they are not waited for.
_FRESH_S = 5.0
_PATIENCE_S = 2.0


def refusal(authorization: str) -> int | None:
    """The status for who may not read it; None: who asks may. Without METRICS_TOKEN all may who reach us, where HOST is a
    loopback address."""
    if not settings.METRICS_TOKEN:
        return None if _is_loopback(settings.HOST) else 404
    scheme, _, token = authorization.partition(" ")
    same = hmac.compare_digest(token.strip().encode(errors="replace"), settings.METRICS_TOKEN.encode())
    return None if same and scheme.lower() == "bearer" else 401


def _is_loopback(host: str) -> bool:
    try:
        return unwrap(ip_address(host)).is_loopback
    except ValueError:
        return host == "localhost"


async def exposition() -> bytes:
    """All numbers, as Prometheus reads them, within 2 s. What the database does not say in that time is NaN."""
    try:
        _show(await _look()(), up=True)
    except Exception as error:  # noqa: BLE001  (whatever it was, what this process has counted can be read)
        logger.warning("no numbers from the database: %s", type(error).__name__)
        _show(UNKNOWN, up=False)
    return await lane("heavy").run(generate_latest)  # some 10 ms, for which no post should wait


async def _figures() -> Figures:
    return await lane("vitals").run(figures)


_look = PerLoop(lambda: Look(_figures, fresh_s=_FRESH_S, patience_s=_PATIENCE_S))


def _show(found: Figures, *, up: bool) -> None:
    metrics.DATABASE_UP.set(up)
    metrics.WORKERS.set(found.workers)
    metrics.OLDEST_DUE.set(found.oldest_due)
    metrics.SNAPSHOT.set(found.oldest_snapshot)
    for queue, number in found.waiting.items():
        metrics.BACKLOG.labels(queue).set(number)
    for state, number in found.breakers.items():
        metrics.BREAKERS.labels(state).set(number)
