"""Which words an event is found by."""

from uuid import UUID

import pytest

from apps.events.selectors import reads
from apps.events.words import HEAD_BYTES, of_account, words_of, words_of_event


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Order order ORDER", {"order"}),
        ("evt_1042-b", {"evt", "1042", "b"}),
        ("1.10 192.168.0.1 -5", {"1.10", "192.168.0.1", "5"}),
        ("Straße STRASSE Ünï", {"strasse", "ünï"}),
        ("e\u0301tude étude", {"étude"}),
        ("東京 city", {"東京", "city"}),
        ("a' & !b | (c):* <-> \\ \x00", {"a", "b", "c"}),
        ("x" * 100, {"x" * 64}),
        ("…", set()),
    ],
    ids=range(9),
)
def test_words_are_letters_and_digits_without_case(text: str, words: set[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (rb'{"na\u006de": "caf\u00e9\nbar\\u0041"}', {"name", "café", "bar", "u0041"}),
        (rb'["\ud83d\ude00\u0041b"]', {"ab"}),
        (rb'{"total": 12.50, "ok": true, "big": 123456789012345678901234567890}', {"total", "12.50", "ok", "true", "big"}),
        (rb'["\u004', {"004"}),
        ('["caf\u00e9'.encode()[:-1], {"caf"}),
    ],
    ids=range(5),
)
def test_a_payload_is_read_without_its_escapes_wherever_it_is_cut(body: bytes, words: set[str]) -> None:
    assert words <= words_of_event("e1", body)
    assert "e1" in words_of_event("e1", body)


def test_the_words_of_64_kib_of_one_letter_words_stay_below_what_an_index_takes() -> None:
    body = " ".join(f"{number:x}" for number in range(20_000)).encode()[:HEAD_BYTES]
    assert sum(len(word.encode()) for word in of_account(UUID(int=0), words_of_event("e", body))) < 1024 * 1024


@pytest.mark.parametrize(
    ("text", "found"), [("refused", True), ("conn ref", True), ("efused", False), ("connection_refused", True)]
)
def test_a_code_is_found_by_its_words_and_their_beginnings(text: str, found: bool) -> None:
    assert reads("connection_refused", text) is found
