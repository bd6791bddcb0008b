"""The pictures of the README: `python -m tests.browser.screenshots [DIRECTORY]`

Fills a product of its own with a team, destinations of every kind and a minute of traffic, and writes a picture of each main
page in light, in dark and as a phone shows it: as WebP into docs/pictures/, or as PNG into the directory that is named.
"""

import base64
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, found
from tests.browser.person import Person
from tests.fakes.receiver import Received, Receiver, Reply
from tests.integration.product import ROOT, Embedded, Prepared

PICTURES = ROOT / "docs" / "pictures"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SECONDS, A_SECOND = 40, 8
QUALITY = 0.82
KINDS = ("order.paid", "order.created", "stock.low", "user.update", "cart.updated", "invoice.sent")
# name of the picture -> where it is taken
PLACES = {
    "live": "live/",
    "events": "events/",
    "deliveries": "deliveries/",
    "destinations": "destinations/",
    "destination-new": "destinations/new/",
    "replays": "replays/",
    "replay-new": "replays/new/",
    "members": "members/",
    "history": "history/",
    "settings": "settings/",
    "export": "export/",
    "data": "/user/data/",
}
# In a browser, since nothing else here writes WebP.
_TO_WEBP = """
async ([data, quality]) => {
  const image = new Image();
  image.src = `data:image/png;base64,${data}`;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", quality).split(",")[1];
}
"""


def answer(got: Received) -> Reply:
    if got.target.endswith("/crm-sync"):
        body = b'{"error": "upstream timed out", "id": "c7e1"}'
        return Reply(503, {"Content-Type": "application/json"}, body, delay_s=random.uniform(0.05, 0.2))
    took = random.uniform(0.3, 1.2) if got.target.endswith("/billing") else random.uniform(0, 0.05)
    return Reply(200, {"Content-Type": "application/json"}, b'{"ok": true}', took)


def furnish(alice: Person, receiver: Receiver) -> None:
    assert alice.who is not None
    alice.go("live/")
    api, headers = alice.page.request, alice.csrf()
    named = {"account_name": "Northwind Traders", "website": "https://northwind.example/"}
    assert api.patch(f"/api/v1/accounts/{alice.who.account_id}/", data=named, headers=headers).ok
    for name in ("orders", "warehouse", "crm-sync", "billing", "archive"):
        made = {"account_id": alice.who.account_id, "name": name, "url": f"{receiver.url}/{name}", "http_method": "POST"}
        done = api.post("/api/v1/destinations/", data=made | {"headers": {"X-Key": "a-secret"}}, headers=headers)
        assert done.ok, done.text()
        if name == "archive":
            assert api.post(f"/api/v1/destinations/{done.json()['data']['id']}/pause/", headers=headers).ok
    for who in ("bob@northwind.example", "carol@northwind.example"):
        member = {"account_id": alice.who.account_id, "email": who, "role_id": 2}
        assert api.post("/api/v1/members/", data=member, headers=headers).ok


def traffic(product: Embedded, account: Prepared) -> None:
    began, session = time.monotonic(), requests.Session()
    for number in range(SECONDS * A_SECOND):
        time.sleep(max(0.0, began + number / A_SECOND - time.monotonic()))
        kind, order = random.choice(KINDS), random.randrange(10_000, 99_999)
        body = {"id": order, "kind": kind, "total": 149.9, "currency": "EUR", "customer": {"email": "ada@example.com"}}
        sent = {"CL-X-TOKEN": account.token, "CL-X-EVENT-ID": f"{kind}-{order}-{number}", "Content-Type": "application/json"}
        session.post(f"{product.url}/server/incoming_data", json.dumps(body), headers=sent, timeout=30).raise_for_status()


@contextmanager
def people(browser: Browser, product: Embedded, account: Prepared) -> Iterator[dict[str, Person]]:
    """One looks by day, one by night, one on the way."""
    looks: dict[str, dict[str, Any]] = {
        "light": {"color_scheme": "light", "viewport": WIDE},
        "dark": {"color_scheme": "dark", "viewport": WIDE},
        "phone": {"color_scheme": "light", "viewport": PHONE, "device_scale_factor": 2, "is_mobile": True, "has_touch": True},
    }
    everybody = {name: Person(browser, product, account, reduced_motion="reduce", **look) for name, look in looks.items()}
    yield everybody
    for each in everybody.values():
        each.context.close()


def prepare_to(page: Page, name: str) -> None:
    """Shows what there is to see."""
    if name == "why":
        page.locator("#rows tr.failed button").first.click()
        page.wait_for_timeout(500)
    page.wait_for_timeout(6000 if name == "replay" else 1500)


def places(product: Embedded, alice: Person) -> Iterator[tuple[str, str]]:
    """Where each picture is taken. The bulk replay, which fills the other pages, begins last."""
    assert alice.who is not None
    api = alice.page.request
    own = f"/api/v1/accounts/{alice.who.account_id}"
    event = api.get(f"{own}/logs/?status=failed&page_size=1").json()["results"][0]
    failing = f"destinations/{event['destination_id']}/"
    yield from PLACES.items()
    yield from {"why": "live/", "event": f"events/{event['event']}/", "destination": failing}.items()
    yield from {"destination-settings": f"{failing}settings/", "destination-signing": f"{failing}signing/"}.items()
    wanted = {"status": "success", "created_at_before": "2100-01-01T00:00:00Z", "rate": 20}
    begun = api.post(f"{own}/replays/", data=wanted, headers=alice.csrf()).json()["data"]["id"]
    yield "replay", f"replays/{begun}/"


def take(directory: Path, *, as_png: bool) -> None:
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright, Receiver(answer) as receiver:
        browser = playwright.chromium.launch(executable_path=found(), args=ARGUMENTS)
        with Embedded(Path(place)) as product:
            account = product.prepare()
            with people(browser, product, account) as everybody:
                furnish(everybody["light"], receiver)
                traffic(product, account)
                for name, where in places(product, everybody["light"]):
                    for look, person in everybody.items():
                        prepare_to(person.go(where), name)
                        write(directory / f"{name}-{look}", person.page, as_png=as_png)
        browser.close()


def write(file: Path, page: Page, *, as_png: bool) -> None:
    shot = page.screenshot(animations="disabled")
    if not as_png:
        blank = page.context.new_page()
        shot = base64.b64decode(blank.evaluate(_TO_WEBP, [base64.b64encode(shot).decode(), QUALITY]))
        blank.close()
    written = file.with_suffix(".png" if as_png else ".webp")
    written.write_bytes(shot)
    print(f"{written} {len(shot) // 1024} KB")


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    chosen.mkdir(parents=True, exist_ok=True)
    take(chosen, as_png=len(sys.argv) > 1)
