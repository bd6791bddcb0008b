"""The words by which an event is found: of its id, and of the first 64 KiB of its payload. Pure."""

import re
import unicodedata
from base64 import urlsafe_b64encode
from uuid import UUID

# Bytes of a payload that are looked at, and characters of a word that count.
HEAD_BYTES = 65_536
_WORD_MAX = 64

# A number with its dots is one word (1.10 is not 1 and 10); `_` parts words, so that 1042 finds evt_1042.
_WORD = re.compile(r"\d+(?:\.\d+)+|[^\W_]+")
_ESCAPE = re.compile(r"((?:\\u[0-9a-fA-F]{4})+)|\\.", re.DOTALL)


def words_of_event(event_id: str, head: bytes) -> set[str]:
    """`head`: the payload's first 64 KiB, which may end anywhere. Keys, strings without their escapes, numbers as written."""
    text = head.decode("utf-8", "ignore")
    if "\\" in text:
        text = _ESCAPE.sub(_unescaped, text)
    return words_of(text) | words_of(event_id)


def words_of(text: str) -> set[str]:
    """The text's words, without case; of a long one its beginning."""
    folded = unicodedata.normalize("NFC", text.casefold())
    return {word[:_WORD_MAX] for word in _WORD.findall(folded)}


def of_account(account_id: UUID, words: set[str]) -> list[str]:
    """Each word behind a mark of its account: a search then touches nothing of the other accounts in the index."""
    mark = urlsafe_b64encode(account_id.bytes[-9:]).decode()  # the random end of a UUIDv7
    return [f"{mark}:{word}" for word in sorted(words)]


def _unescaped(match: re.Match[str]) -> str:
    if match[1] is None:
        return " "  # \n, \", \\ and the like part words
    return bytes.fromhex(match[1].replace("\\u", "")).decode("utf-16-be", "replace")
