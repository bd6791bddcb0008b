"""The programs that pages show do what the page says: they send an event, and tell a request of ours from a forged one."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.fakes.receiver import Received, Receiver
from tests.integration.product import Embedded, Prepared
from tests.integration.test_stories import PATIENCE_S
from tests.integration.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.embedded, pytest.mark.timeout(PATIENCE_S + 60)]

# What runs each, and what a machine without it needs.
TOOLS = {
    "python": ([sys.executable], "Python"),
    "node": (["node"], "Node 18 or newer: apt-get install nodejs"),
    "go": (["go", "run"], "Go 1.21 or newer: apt-get install golang-go"),
    "curl": (["sh"], "curl: apt-get install curl"),
}
ENDINGS = {"python": "py", "node": "mjs", "go": "go", "curl": "sh"}
# Around what the page shows: reads a request from the file that is named, and says whether it is ours.
VERIFY = {
    "python": """{shown}

import http.client, json, sys, threading
sent = json.load(open(sys.argv[1]))
Receiver.secret = sent["secret"]
server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
connection = http.client.HTTPConnection(*server.server_address)
connection.request("POST", "/", sent["body"].encode(), sent["headers"])
print("ours" if connection.getresponse().status == 204 else "forged")
""",
    "node": """import {{ readFileSync }} from "node:fs";
{shown}
const sent = JSON.parse(readFileSync(process.argv[2]));
console.log(isOurs(sent.secret, sent.headers, Buffer.from(sent.body)) ? "ours" : "forged");
""",
    "go": """package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

{shown}

func main() {{
	var sent struct {{
		Secret  string
		Headers map[string]string
		Body    string
	}}
	if err := json.Unmarshal(must(os.ReadFile(os.Args[1])), &sent); err != nil {{
		panic(err)
	}}
	header := http.Header{{}}
	for name, value := range sent.Headers {{
		header.Set(name, value)
	}}
	fmt.Println(map[bool]string{{true: "ours", false: "forged"}}[isOurs(sent.Secret, header, []byte(sent.Body))])
}}
""",
}


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with Embedded(tmp_path_factory.mktemp("product")) as running:
        yield running


def get(product: Embedded, who: Prepared, path: str) -> str:
    answer = requests.get(product.url + path, cookies={"sessionid": who.session}, timeout=30)
    assert answer.ok, path
    return answer.text


def shown(page: str, name: str) -> str:
    """The program of that name, as it is copied."""
    [found] = re.findall(rf'<pre id="{name}">(.*?)</pre>', page, re.DOTALL)
    return html.unescape(found)


def run(directory: Path, language: str, program: str, *arguments: str) -> str:
    command, needed = TOOLS[language]
    assert shutil.which(command[0]), f"{command[0]} is missing; the programs of the pages are tested with {needed}"
    file = directory / f"program.{ENDINGS[language]}"
    file.write_text(program)
    done = subprocess.run(
        [*command, str(file), *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("language", TOOLS)
def test_what_shows_how_to_send_sends(product: Embedded, tmp_path: Path, language: str) -> None:
    with Receiver() as receiver:
        who = product.prepare(receiver.url)
        page = get(product, who, f"/accounts/{who.account_id}/live/")
        name = "curl" if language == "curl" else f"sample-{language}"
        said = run(tmp_path, language, shown(page, name).replace("<your token>", who.token))
        assert "Data Received" in said
        wait_until(lambda: len(receiver.got) == 1, 30)
    assert json.loads(receiver.got[0].body)["kind"] == "order.paid"


def request_of(got: Received, secret: str) -> dict[str, object]:
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return {"secret": secret, "headers": {name: got.header(name) for name in names}, "body": got.body.decode()}


@pytest.mark.parametrize("language", VERIFY)
def test_what_shows_how_to_verify_verifies(product: Embedded, tmp_path: Path, language: str) -> None:
    with Receiver() as receiver:
        who = product.prepare(receiver.url)
        own = json.loads(get(product, who, f"/api/v1/accounts/{who.account_id}/destinations/"))["results"][0]["id"]
        secret = json.loads(get(product, who, f"/api/v1/destinations/{own}/secret/"))["signing_secret"]
        page = get(product, who, f"/accounts/{who.account_id}/destinations/{own}/signing/")
        run(tmp_path, "python", shown(get(product, who, f"/accounts/{who.account_id}/live/"), "sample-python").replace(
            "<your token>", who.token
        ))  # fmt: skip
        wait_until(lambda: len(receiver.got) == 1, 30)
    ours = request_of(receiver.got[0], secret)
    said = []
    for number, sent in enumerate((ours, ours | {"body": '{"kind": "forged"}'})):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(sent))
        program = VERIFY[language].format(shown=shown(page, f"verify-{language}"))
        said.append(run(tmp_path, language, program, str(file)).split()[-1])
    assert said == ["ours", "forged"]
