"""A container's health check says what the process beside it is like."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from datapusher import alive
from tests.integration.product import free_port


class Answer(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health/live/" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """The test says it."""


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setenv("PORT", str(free_port()))
    monkeypatch.delenv("METRICS_PORT", raising=False)
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("name", ["PORT", "METRICS_PORT"])
@pytest.mark.parametrize(("status", "code"), [(200, 0), (301, 0), (400, 0), (500, 1)])
def test_a_process_that_answers_lives(port: int, name: str, status: int, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answer, "status", status)
    monkeypatch.setenv(name, str(port))
    assert alive.main() == code


def test_one_that_does_not_answer_is_dead(port: int) -> None:
    assert alive.main() == 1
