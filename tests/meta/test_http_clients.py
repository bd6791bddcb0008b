"""Requests leave by the sender alone: `ruff check` refuses any other client of HTTP, wherever it is written."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENTS = [
    "import aiohttp", "from aiohttp import ClientSession", "import requests", "from requests import get", "import httpx",
    "import niquests", "import urllib3", "import urllib.request", "from urllib.request import urlopen",
    "from urllib import request",
    "import http.client", "from http.client import HTTPSConnection", "import xmlrpc.client", "import ftplib",
    "import websockets",
    "from asyncio import open_connection", "from socket import create_connection",
    "import asyncio\nasyncio.open_connection('h', 1)", "import socket\nsocket.create_connection(('h', 1))",
]  # fmt: skip
PLACES = [
    "apps/events/services.py",
    "apps/deliveries/probe.py",
    "consumers/ingest.py",
    "datapusher/web.py",
    "apps/inbox/views.py",
]


def complaints(code: str, place: str) -> int:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", f"--stdin-filename={place}", "-"]
    done = subprocess.run(command, input=code, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.count("TID251")


@pytest.mark.parametrize("place", PLACES)
def test_another_client_is_refused_wherever_it_is_written(place: str) -> None:
    code = "\n".join(CLIENTS)
    assert complaints(code, place) >= len(CLIENTS)


def test_each_of_them_alone_too() -> None:
    assert [client for client in CLIENTS if not complaints(client, PLACES[0])] == []


@pytest.mark.parametrize("place", [f"apps/deliveries/{name}.py" for name in ("sender", "dialling", "network")])
def test_the_sender_may(place: str) -> None:
    assert complaints("import aiohttp", place) == 0
