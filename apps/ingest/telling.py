"""What operators are told of a post: it is counted, and it has a trace and log lines."""

import time

from apps.common import traces
from apps.common.metrics import POST_SECONDS
from apps.common.traces import Step
from apps.ingest.batch import Post
from apps.ingest.tokens import Owner


def named(identity: str, owner: Owner | None, post: Post | None) -> dict[str, str]:
    """Whose line it is. Never the sender's own event id, which may say anything."""
    known = {"request_id": identity}
    if owner is not None:
        known["account"] = str(owner.account_id)
    return known | {"event_id": str(post.event.id)} if post is not None else known


def tell(status: int, taken_s: float, post: Post | None) -> str:
    """Of a post that is answered so. Returns our id of the event, where it was stored by this one."""
    POST_SECONDS.of[str(status)].observe(taken_s)
    if post is None or status != 202:
        return ""
    if traces.on():
        now = time.time()
        facts: dict[str, str | int] = {"datapusher.event_id": str(post.event.id), "http.response.status_code": status}
        steps = [Step("accept", now - taken_s, now, facts), Step("store", post.at, now)]
        traces.send(post.event.id, post.event.traceparent, steps)
    return str(post.event.id)
