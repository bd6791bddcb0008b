"""Fills a running server with life: a demo account, three receivers on this machine, real GitHub payloads."""

import json
import random
import secrets
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, cycle
from pathlib import Path
from threading import Thread
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError

from apps.accounts.models import Member
from apps.accounts.selectors import accounts_of, membership
from apps.accounts.services import create_account, delete_account
from apps.destinations.services import create_destination
from apps.users.models import User

_EMAIL = "demo@example.com"
_PAYLOADS = settings.BASE_DIR / "tests" / "data" / "github"
_FAILS_FOR_S = 20.0
_A_SECOND = 4  # posts; below the default limit of 5


class _Receiver(ThreadingHTTPServer):
    """/fine answers at once, /slow within two seconds, /failing with 503 for the first 20 s."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.began = time.monotonic()
        self.got: Counter[str] = Counter()


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Receiver

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got[self.path] += 1
        if self.path == "/slow":
            time.sleep(random.uniform(0.3, 2))  # noqa: S311  (a delay, not a secret)
        down = self.path == "/failing" and time.monotonic() - self.server.began < _FAILS_FOR_S
        body = json.dumps({"error": "the database is being moved"} if down else {"ok": True}).encode()
        self.send_response(503 if down else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The page shows it; the terminal need not."""


class Command(BaseCommand):
    help = (
        "Creates a demo account with three destinations on this machine and posts real GitHub payloads to it. Ctrl-C ends it. "
        "The accounts that the demo user has from earlier runs are deleted; nobody else's are touched."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        url = f"http://{f'[{settings.HOST}]' if ':' in settings.HOST else settings.HOST}:{settings.PORT}"
        _check_running(url)
        receiver = _Receiver()
        Thread(target=receiver.serve_forever, daemon=True).start()
        user, password = _demo_user()
        token = _demo_account(user, receiver.server_port)
        self.stdout.write(
            f"\n  Sign in at {settings.PUBLIC_URL}/user/login/\n    e-mail    {_EMAIL}\n    password  {password}\n\n"
            f"  Posting {_A_SECOND} events a second to three destinations: "
            f"fine, slow, and one that fails for {_FAILS_FOR_S:.0f} s.\n  Ctrl-C ends the demo.\n"
        )
        accepted = 0
        try:
            for event_id, body in _events():
                _post(f"{url}/server/incoming_data", token, event_id, body)
                accepted += 1
                time.sleep(1 / _A_SECOND)
        except KeyboardInterrupt:
            got = ", ".join(f"{path[1:]} {number}" for path, number in sorted(receiver.got.items()))
            self.stdout.write(f"\n  {accepted} events accepted; requests received: {got or 'none'}. The receivers end here.")


def _check_running(url: str) -> None:
    try:
        urllib.request.urlopen(f"{url}/server/incoming_data", timeout=5)  # noqa: S310  (our own server)
    except urllib.error.HTTPError:
        return  # it answers 405: it is there
    except OSError as error:
        raise CommandError(f"nothing answers at {url}; run `make run` in another terminal first") from error


def _demo_user() -> tuple[User, str]:
    """The demo user with a new password: nobody else knows it."""
    password = secrets.token_urlsafe(9)
    user = User.objects.filter(email=_EMAIL).first() or User.objects.create_user(_EMAIL)
    user.set_password(password)
    user.save(update_fields=["password"])
    EmailAddress.objects.get_or_create(user=user, email=_EMAIL, defaults={"verified": True, "primary": True})
    return user, password


def _demo_account(user: User, port: int) -> str:
    """A new account in place of the last demo's, whose receivers are gone. Returns its token."""
    for earlier in accounts_of(user):
        delete_account(by=membership(user, earlier.pk))
    account, token = create_account(by=user, account_name="Demo", website="https://example.com")
    admin = Member.objects.select_related("role", "user").get(account=account, user=user)
    try:
        for name in ("fine", "slow", "failing"):
            _destination(admin, name, port)
    except ValidationError as error:
        raise CommandError(f"127.0.0.1 is no allowed destination: {'; '.join(error.messages)}") from error
    return token


def _destination(admin: Member, name: str, port: int) -> None:
    headers = {"Authorization": f"Bearer {secrets.token_urlsafe(12)}"}
    create_destination(by=admin, name=name, url=f"http://127.0.0.1:{port}/{name}", http_method="POST", headers=headers)


def _events() -> Iterator[tuple[str, bytes]]:
    """Each payload in turn, for ever, with an id of its own."""
    run = secrets.token_hex(3)
    files: list[Path] = sorted(_PAYLOADS.glob("*.json"))
    for number, file in zip(count(1), cycle(files), strict=False):
        yield f"{file.stem}-{run}-{number}", file.read_bytes()


def _post(url: str, token: str, event_id: str, body: bytes) -> None:
    """Posts until it is known to be stored: what was not answered is sent again under the same id, and stored once."""
    headers = {"CL-X-TOKEN": token, "CL-X-EVENT-ID": event_id, "Content-Type": "application/json"}
    while True:
        try:
            urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10)  # noqa: S310  (our own server)
            return
        except urllib.error.HTTPError as error:
            if error.code not in {429, 503}:
                raise CommandError(f"the server answered {error.code} to {event_id}") from error
        except OSError:
            pass  # the server is away: it may come back
        time.sleep(1)
