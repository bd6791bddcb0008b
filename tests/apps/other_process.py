"""Another process of the product on the test's database: `python -m tests.apps.other_process DATABASE`.

Answers each line of JSON, `["post", token, event id]`, `["get", access token, path]` or `["claim"]`, with a line: a status, or
how many deliveries it took.
"""

import asyncio
import json
import sys

import django

django.setup()

from django.db import connection  # noqa: E402  (after setup)
from django.test import Client  # noqa: E402

from apps.common.lanes import close_lanes  # noqa: E402
from apps.deliveries.claims import claim_due  # noqa: E402
from tests.posting import in_db, post  # noqa: E402


def _get(access: str, path: str) -> int:
    return Client(SERVER_NAME="localhost").get(path, headers={"Authorization": f"Bearer {access}"}).status_code


async def _answer(what: str, *given: str) -> int:
    if what == "post":
        token, event_id = given
        return (await post(token, event_id, b"{}")).status
    return await in_db(_get, *given) if what == "get" else len(await in_db(claim_due, 100))


async def main() -> None:
    """One loop for all of it, as a server has: what the process keeps, it keeps from line to line."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        sys.stdout.write(f"{await _answer(*json.loads(line))}\n")
        sys.stdout.flush()


connection.settings_dict["NAME"] = sys.argv[1]
asyncio.run(main())
close_lanes()
