"""A receiver may echo what it was sent; its header values never enter a log."""

import html
import json
from urllib.parse import quote, quote_plus

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apps.common.fields import MASK
from apps.deliveries.masking import mask_body, mask_headers

SECRET = """a/b+c="d"<e>&'f'\\g"""

ECHOES = {
    "plain": SECRET,
    "JSON": json.dumps(SECRET),
    "JSON of PHP": json.dumps(SECRET).replace("/", "\\/"),
    "JSON of Go": json.dumps(SECRET).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
    "percent-encoded": quote(SECRET, safe=""),
    "percent-encoded in lower case": quote(SECRET, safe="").replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d")
    .replace("%3C", "%3c").replace("%3E", "%3e").replace("%5C", "%5c"),
    "percent-encoded but for slashes": quote(SECRET),
    "encodeURIComponent": quote(SECRET, safe="!*'()"),
    "a form": quote_plus(SECRET),
    "HTML": html.escape(SECRET),
}  # fmt: skip


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_an_echoed_value_is_masked_in_every_usual_writing(echo: str) -> None:
    masked = mask_body(f"<you sent {echo} to us>".encode(), [SECRET]).decode()
    assert masked.replace('"', "") == f"<you sent {MASK} to us>"


def test_the_words_of_a_value_are_masked_on_their_own() -> None:
    assert mask_body(b'{"token":"s3cret-token"}', ["Bearer s3cret-token"]) == b'{"token":"********"}'


def test_a_value_with_spaces_is_masked_in_a_form() -> None:
    assert mask_body(b"key=two+words", ["two words"]) == b"key=********"


def test_short_values_are_no_secrets_and_stay_readable() -> None:
    assert mask_body(b"version 1 is on", ["1", "on", ""]) == b"version 1 is on"


def test_a_longer_value_is_masked_before_a_shorter_one_inside_it() -> None:
    assert mask_body(b"abcdefgh abcd", ["abcd", "abcdefgh"]) == b"******** ********"


@given(
    secret=st.text([chr(code) for code in range(33, 127)], min_size=12, max_size=400),
    before=st.integers(0, 1100),
    copies=st.integers(1, 60),
    cut=st.integers(0, 400),
)
@settings(max_examples=300, derandomize=True, deadline=None)
def test_no_part_of_a_secret_stays_wherever_the_1_kib_and_the_end_of_what_was_read_cut_it(
    secret: str, before: int, copies: int, cut: int
) -> None:
    assume("." not in secret and "*" not in secret and len(set(secret)) > 4)
    body = b"." * before + secret.encode() * copies
    read = body[: max(1025, len(body) - cut)]
    assume(len(read) > 1024)
    masked = mask_body(read, [secret])
    assert set(masked) <= set(b".*")
    assert len(masked) <= 1024


def test_an_ordinary_answer_is_kept_as_it_is_up_to_1_kib() -> None:
    assert mask_body(b"ok, k", ["kangaroo"]) == b"ok, k"
    assert mask_body(bytes(range(256)) * 8, ["kangaroo"]) == bytes(range(256)) * 4


def test_echoed_headers_are_masked_and_cookies_and_authorization_always() -> None:
    headers = (("X-Echo", f"got {SECRET}!"), ("SET-cookie", "a=b"), ("Authorization", "Basic eA=="), ("Date", "today"))
    masked = orjson.loads(mask_headers(headers, [SECRET]))
    assert masked == {"X-Echo": f"got {MASK}!", "SET-cookie": MASK, "Authorization": MASK, "Date": "today"}


def test_repeated_headers_are_joined_and_many_or_long_ones_are_cut() -> None:
    masked = orjson.loads(mask_headers((("Vary", "a"), ("Vary", "b"), ("X", "y" * 2000)), []))
    assert masked == {"Vary": "a, b", "X": "y" * 1024}
    many = tuple((f"X-{number}", "y") for number in range(60))
    assert list(orjson.loads(mask_headers(many, []))) == [f"X-{number}" for number in range(50)]


def test_a_secret_across_the_cut_of_a_long_header_is_masked() -> None:
    masked = orjson.loads(mask_headers((("X", "." * 1020 + "s3cret-token"),), ["s3cret-token"]))
    assert masked == {"X": "." * 1020 + MASK[:4]}
