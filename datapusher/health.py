"""Whether this process lives, and whether it can do its work."""

import asyncio
import logging
from collections.abc import Sequence

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.common.batching import PerLoop
from apps.common.lanes import lane
from apps.common.looks import Look
from apps.deliveries.vitals import Degraded, Unready, reason_of, store_something
from apps.ingest.services import refused
from apps.logs.broadcast import layer_answers

logger = logging.getLogger(__name__)

# Seconds for which an answer is good, however many ask, and those after which the database is not waited for.
_FRESH_S = 1.0
_PATIENCE_S = 2.0


@never_cache
@require_safe
async def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all; asks neither database nor Redis."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
async def ready(request: HttpRequest) -> JsonResponse:
    """503 only when this process cannot store what it is sent. What else fails makes it `degraded`, with 200."""
    try:
        degraded = await _look()()
    except Exception as error:  # noqa: BLE001  (whatever it was, nothing was stored)
        reason = reason_of(error)
        logger.warning("not ready: %s: %s", reason, type(error).__name__)
        return JsonResponse({"status": "unavailable", "code": reason}, status=503, headers={"Retry-After": "1"})
    if not degraded:
        return JsonResponse({"status": "ok"})
    return JsonResponse({"status": "degraded", "code": degraded[0], "degraded": degraded})


async def _ask() -> Sequence[Degraded]:
    """What fails that does not keep us from storing. Raises what does."""
    workers, answers = await asyncio.gather(lane("probe").run(store_something), layer_answers())
    # A disk may have room for our small row, and none for a post.
    if (error := refused()) is not None and reason_of(error) is Unready.DISK_FULL:
        raise error
    found = {Degraded.REDIS_AWAY: not answers, Degraded.NO_WORKER: not workers}
    return [code for code, holds in found.items() if holds]


_look = PerLoop(lambda: Look(_ask, fresh_s=_FRESH_S, patience_s=_PATIENCE_S))
