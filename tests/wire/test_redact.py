from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from interlingua.types.opaque import Json
from interlingua.types.secret import Secret
from interlingua.wire.redact import MASK, redact, redact_headers, redact_json, redact_url
from tests.strategies import json_values, texts

TAIL = "Abc123Def456Ghi789Jkl012Mno345Pq"
KEYS = [
    f"sk-{TAIL}",
    f"sk-proj-{TAIL}_-x",
    f"sk-ant-api03-{TAIL}-{TAIL}",
    f"sk-or-v1-{TAIL}",
    f"AIza{TAIL}abc",
    f"AQ.{TAIL}",
    f"gsk_{TAIL}",
    f"xai-{TAIL}",
    f"cpk_{TAIL}.{TAIL}",
    f"il-{TAIL}",
    f"hf_{TAIL}",
    f"r8_{TAIL}",
    f"pplx-{TAIL}",
    f"nvapi-{TAIL}",
    f"csk-{TAIL}",
    f"ghp_{TAIL}",
    "AKIAIOSFODNN7EXAMPLE",
    f"ya29.{TAIL}",
    f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{TAIL}",
]
PLACES = [
    "{}",
    "Incorrect API key provided: {}.",
    '{{"error": "bad key {}"}}',
    "https://x.test/v1?q={}",
    "({})",
    "a={}\n",
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("place", PLACES)
def test_keys_of_a_known_shape_are_masked_wherever_they_stand(key: str, place: str) -> None:
    shown = redact(place.format(key))
    assert key[8:] not in shown
    assert MASK in shown


@pytest.mark.parametrize(
    "text",
    [
        "authorization: Bearer canarysecret",
        "Proxy-Authorization: Basic canarysecret",
        '{"authorization": "canarysecret"}',
        "x-api-key: canarysecret",
        "X-Goog-Api-Key: canarysecret",
        "api-key: canarysecret",
        "Cookie: session=canarysecret; other=1",
        "set-cookie: session=canarysecret",
        '{"api_key": "canarysecret"}',
        '{"body": "{\\"api_key\\": \\"canarysecret\\"}"}',
        "OPENAI_API_KEY=canarysecret1",
        "https://x.test/v1/models?key=canarysecret&alt=sse",
        "GET /v1?alt=sse&access_token=canarysecret",
        "https://user:canarysecret@x.test/v1",
        "bearer canarysecret1",
        "-----BEGIN RSA PRIVATE KEY-----\ncanarysecret\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\ncanarysecret",
    ],
)
def test_what_stands_where_credentials_stand_is_masked(text: str) -> None:
    assert "canarysecret" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "The bearer of this letter, sk-learn users, and task-oriented people read about api keys and tokens.",
        "Cookie: a small biscuit. Authorization: required. Password: at least eight characters",
        "max_tokens=4096&top_p=0.5, key=value pairs, token: 5, tokens: 12345678, monkey=banana123456",
        "https://example.com/path?page=2&monkey=1#key",
        "mail me@example.com or see https://example.com/@user/status/1",
        "il-y-a-longtemps-que-je-t-aime; hf_ is a prefix; xai- too; gsk_",
        '{"id": "chatcmpl-AbC123dEf456GhI789jKl012", "call": "call_AbC123dEf456GhI789", "token": "hello"}',
        "toolu_01A09q90qw90lq917835lq9 msg_01XFDUDYJgAACzvnptvVoYEL req_011CSHoEeqs5C35K2UUqR7Fy",
        "risk-2024-assessment-for-the-board desk-A1-assessment-of-everything",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@given(st.text("sk-AIzBearr:=?&key\"' \\@/.0Z{}\n"))
@example("sk-" * 50)
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(texts, texts, st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=8, max_size=20))
def test_a_secret_handed_over_never_survives(before: str, after: str, secret: str) -> None:
    text = f"{before}{secret}{after} {json.dumps(secret)} {json.dumps(secret, ensure_ascii=False)}"
    assert secret not in redact(text, [Secret(secret)]).replace(MASK, "")
    assert secret not in json.dumps(redact_json({"a": [text], secret: secret}, [secret]), ensure_ascii=False)


def test_a_secret_is_found_percent_encoded_and_overlapping_secrets_are_masked_whole() -> None:
    assert redact("?q=a%2Fb%2Bcd", ["a/b+cd"]) == f"?q={MASK}"
    assert redact("secret-one and secret", ["secret", "secret-one", ""]) == f"{MASK} and {MASK}"


def test_a_secret_too_short_to_be_one_is_not_looked_for() -> None:
    assert redact("a cat", ["a", ""]) == "a cat"


def test_headers_lose_their_credentials_and_keep_the_rest() -> None:
    headers = [
        ("Authorization", "Bearer x"),
        ("x-api-key", "x"),
        ("x-goog-api-key", "x"),
        ("api-key", "x"),
        ("cookie", "a=b"),
        ("set-cookie", "a=b"),
        ("x-amz-security-token", "x"),
        ("content-type", "application/json"),
        ("x-ratelimit-limit-tokens", "30000"),
        ("x-note", "canary1"),
    ]
    shown = redact_headers(headers, ["canary1"])
    assert [value for _, value in shown] == [MASK] * 7 + ["application/json", "30000", MASK]
    assert [name for name, _ in shown] == [name for name, _ in headers]


def test_an_address_keeps_everything_but_its_credentials() -> None:
    url = "https://me:pass@x.test:8443/v1/models/a:b?alt=sse&key=abc&page=2"
    assert redact_url(url) == f"https://{MASK}@x.test:8443/v1/models/a:b?alt=sse&key={MASK}&page=2"
    assert redact_url("http://[broken") == "http://[broken"


def test_fields_of_json_named_like_a_credential_are_masked_whole() -> None:
    value: Json = {"api_key": "x", "a": [{"Authorization": "x"}], "token": "the", "max_tokens": 5, "password": None}
    assert redact_json(value) == {
        "api_key": MASK,
        "a": [{"Authorization": MASK}],
        "token": "the",
        "max_tokens": 5,
        "password": None,
    }


@given(json_values)
def test_json_without_credentials_stays_as_it_is(value: Json) -> None:
    assert redact_json(value) == value


def test_a_long_hostile_text_costs_linear_time() -> None:
    for piece in ("sk-", "eyJ", "a.", "authorization", "api_", "?key", "://a", "x-api-key:", '"', "\\", "bearer "):
        assert len(redact(piece * 100_000)) > 0
