"""What counts as JSON here, and that it keeps its numbers as they were written."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.common.jsontext import compact, parse
from apps.ingest import strict

MIXED_64 = b'{"a":[' * 31 + b'{"a":[]}' + b"]}" * 31
MIXED_65 = b'{"a":[' * 32 + b"[]" + b"]}" * 32

TAKEN = {
    "an object": b"{}",
    "an array": b"[]",
    "whitespace around it": b' \t\r\n{"a" : 1 } \n',
    "the same key at different depths": b'{"a":{"a":[{"a":1}]}}',
    "an integer of 5,000 digits": b"[" + b"9" * 5000 + b"]",
    "a number beyond every float": b'{"a":1e999,"b":-1E-999,"c":0.1e+400}',
    "negative zero": b"[-0, -0.0, 1.10, 0e0]",
    "literals": b'{"a":null,"b":true,"c":false}',
    "NUL as an escape": b'["\\u0000"]',
    "DEL and C1 as they are": b'["\x7f\xc2\x80"]',
    "a surrogate pair as escapes": b'["\\ud83d\\ude00", "\\uD83D\\uDE00"]',
    "an escaped backslash before ud800": b'["\\\\ud800"]',
    "text beyond the first plane": '{"\U0001f600":"\u2028"}'.encode(),
    "a BOM inside a string": '["\ufeff"]'.encode(),
    "words that are no constants": b'["NaN", "Infinity"]',
    "brackets in a string": b'["' + b"[{" * 1000 + b'"]',
    "64 arrays deep": b"[" * 64 + b"]" * 64,
    "64 objects deep": b'{"a":' * 63 + b"{}" + b"}" * 63,
    "64 deep, mixed": MIXED_64,
    "64 deep beside a thousand others": b"[" + b"[]," * 1000 + b"[" * 63 + b"]" * 63 + b"]",
}

REFUSED = {
    "nothing": b"",
    "only whitespace": b" \n",
    "a bare string": b'"a"',
    "a bare number": b"1",
    "null": b"null",
    "true": b"true",
    "NaN": b"[NaN]",
    "Infinity": b'{"a":Infinity}',
    "-Infinity": b"[[-Infinity]]",
    "-NaN": b"[-NaN]",
    "a bare NaN": b"NaN",
    "a lone high surrogate": b'["\\ud800"]',
    "a lone low surrogate": b'["\\uDE00"]',
    "a lone surrogate in a key": b'{"a":{"x\\uD83D":1}}',
    "a lone surrogate deep inside": b'[1,[2,{"a":["\\udfff"]}]]',
    "surrogates in the wrong order": b'["\\ude00\\ud83d"]',
    "a surrogate in the bytes": b'["\xed\xa0\x80"]',
    "a duplicate key": b'{"a":1,"a":2}',
    "a duplicate key in an array": b'[{"b":[{"a":1,"c":2,"a":1}]}]',
    "a duplicate key by escape": b'{"a":1,"\\u0061":2}',
    "a duplicate empty key": b'{"":1,"":1}',
    "a BOM": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-32": '{"a":1}'.encode("utf-32-le"),
    "Latin-1": b'["\xe4"]',
    "cut UTF-8": b'["\xf0\x9f\x98"]',
    "overlong UTF-8": b'["\xc0\xaf"]',
    "a control character in a string": b'["a\nb"]',
    "NUL in a string": b'["\x00"]',
    "a control character in a key": b'{"a\tb":1}',
    "NUL after it": b"{}\x00",
    "a vertical tab as whitespace": b"{\x0b}",
    "a no-break space as whitespace": "{}\u00a0".encode(),
    "trailing text": b"{} x",
    "two values": b"{}{}",
    "two lines": b"{}\n{}",
    "a trailing comma": b"[1,]",
    "a trailing comma in an object": b'{"a":1,}',
    "a comment": b"[1] // one",
    "single quotes": b"{'a':1}",
    "an unquoted key": b"{a:1}",
    "a number as key": b"{1:1}",
    "an unfinished object": b'{"a":1',
    "an unfinished string": b'["a]',
    "a leading zero": b"[01]",
    "a leading plus": b"[+1]",
    "a bare fraction": b"[.5]",
    "a bare point": b"[1.]",
    "a bare exponent": b"[1e]",
    "hexadecimal": b"[0x1]",
    "digits of another script": "[\u0661]".encode(),
    "digits of full width": "[1\uff11]".encode(),
    "an unknown escape": b'["\\x41"]',
    "a short escape": b'["\\u12"]',
    "a signed escape": b'["\\u+123"]',
    "Python's True": b"[True]",
    "65 arrays deep": b"[" * 65 + b"]" * 65,
    "65 objects deep": b'{"a":' * 64 + b"{}" + b"}" * 64,
    "65 deep, mixed": MIXED_65,
    "65 deep after a thousand others": b"[" + b"[]," * 1000 + b"[" * 64 + b"]" * 64 + b"]",
    "100,000 arrays deep": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "100,000 brackets, never closed": b"[" * 100_000,
}


@pytest.mark.parametrize("body", TAKEN.values(), ids=TAKEN)
def test_json_of_rfc_8259_is_taken(body: bytes) -> None:
    strict.check(body)


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_two_readers_may_read_differently_is_refused(body: bytes) -> None:
    with pytest.raises(strict.NotStrict):
        strict.check(body)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30)
containers = st.lists(values) | st.dictionaries(st.text(), values)


@given(value=containers, ascii_only=st.booleans(), indent=st.sampled_from([None, 0, 3]))
@settings(max_examples=300, derandomize=True, deadline=None)
def test_what_a_usual_encoder_writes_is_taken_and_comes_back_the_same(value: Any, ascii_only: bool, indent: int | None) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    strict.check(body)
    assert compact(parse(body)) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@given(body=st.text(st.sampled_from('[]{}":,\\ueE+-.0123459dDaftnrlsy \n\x00\ufeff'), max_size=30) | st.text(max_size=20))
@settings(max_examples=1000, derandomize=True, deadline=None)
def test_what_is_taken_is_never_more_than_python_takes(body: str) -> None:
    try:
        strict.check(body.encode())
    except strict.NotStrict:
        return
    assert isinstance(json.loads(body), (dict, list))


@pytest.mark.parametrize("number", ["1.10", "-0", "1e999", "1E+2", "0.30000000000000004", "9" * 5000, "123456789012345678901"])
def test_a_number_is_never_rewritten(number: str) -> None:
    assert compact(parse(f'{{ "a" : [ {number} ] }}'.encode())) == f'{{"a":[{number}]}}'


def test_a_string_that_looks_like_a_number_stays_a_string() -> None:
    assert compact(parse(b'["1.10", 1.10]')) == '["1.10",1.10]'


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json ; charset = utf-8 ; version=1",
        "application/json; profile=x",
        "application/vnd.github.v3+json",
        "application/cloudevents+json; charset=utf-8",
        "application/a.b+c+json",
    ],
)
def test_a_json_content_type_is_taken(content_type: str) -> None:
    assert strict.takes(content_type, "")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/json-seq",
        "application/+json",
        "application/jsonx",
        "xapplication/json",
        "image/svg+json",
        "application/json, application/json",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/json; charset=",
        "application/json; charset=utf-8; charset=latin-1",
        "*/*",
    ],
)
def test_any_other_content_type_is_refused(content_type: str) -> None:
    assert not strict.takes(content_type, "")


@pytest.mark.parametrize("encoding", ["gzip", "identity", "br", "gzip, identity"])
def test_a_content_encoding_is_refused(encoding: str) -> None:
    assert not strict.takes("application/json", encoding)
