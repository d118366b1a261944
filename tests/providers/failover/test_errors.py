"""Exceptions of any backend become a kind and one sentence of advice."""

from __future__ import annotations

import json
import ssl

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import ModelError
from providers.failover.errors import Target, classify
from providers.scrub import one_line, quote, scrub

TARGET = Target("m", "https://host.example/v1", "SOME_KEY", 12, ("hunter2-secret",), connect_s=3)
REQUEST = httpx.Request("POST", "https://host.example/v1/chat", headers={"authorization": "hunter2-secret"})


def _status(code: int, text: str = "", body: object = None) -> httpx.HTTPStatusError:
    response = httpx.Response(code, request=REQUEST, json=body)
    return httpx.HTTPStatusError(text, request=REQUEST, response=response)


def _caused(cause: Exception) -> Exception:
    error = RuntimeError("Connection error.")
    error.__cause__ = cause
    return error


KINDS = [
    (_status(401), "auth", "SOME_KEY"),
    (_status(403), "auth", "SOME_KEY"),
    (_status(404), "not_found", "'m' at https://host.example/v1"),
    (_status(408), "timeout", "12 s"),
    (_status(429), "rate_limit", "host.example:443"),
    (_status(429, "insufficient_quota"), "rate_limit", "quota"),
    (_status(500), "overloaded", "host.example:443"),
    (_status(503), "overloaded", "later"),
    (_status(529), "overloaded", "later"),
    (_status(400, "maximum context length is 8192"), "context_overflow", "shorten"),
    (_status(413), "context_overflow", "shorten"),
    (_status(400, "bad temperature"), "unknown", "bad temperature"),
    (_status(429, "context length tokens per minute"), "rate_limit", "wait"),
    (TimeoutError(), "timeout", "12 s"),
    (httpx.ReadTimeout("slow"), "timeout", "12 s"),
    (httpx.ConnectTimeout("slow"), "timeout", "no connection to host.example:443 within 3 s"),
    (httpx.ConnectError("refused"), "connection", "host.example:443; is the server running"),
    (ConnectionRefusedError(111, "refused"), "connection", "host.example:443"),
    (_caused(httpx.ConnectError("refused")), "connection", "is the server running"),
    (_caused(httpx.RemoteProtocolError("peer closed")), "cut_stream", "broke off"),
    (httpx.ReadError("reset"), "cut_stream", "broke off"),
    (json.JSONDecodeError("bad", "x", 0), "malformed", "protocol"),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "malformed", "protocol"),
    (ValueError("No generation chunks were returned"), "empty", "nothing"),
    (ModelError("auth", "use hunter2-secret"), "auth", "use [hidden]"),
    (ssl.SSLError("no"), "unknown", "SSLError"),
    (KeyError("surprise"), "malformed", "protocol"),
    (AttributeError("'list' object has no attribute 'get'"), "malformed", "protocol"),
    (RuntimeError("surprise"), "unknown", "RuntimeError: surprise"),
    (_status(402, "pay"), "rate_limit", "check its billing"),
    (_caused(httpx.DecodingError("bad gzip")), "malformed", "protocol"),
    (_caused(ModelError("not_found", "it moved")), "not_found", "it moved"),
    (
        _status(400, "see the manual", {"error": {"message": "input is odd"}}),
        "unknown",
        "Error: input is odd",
    ),
    (_status(400, "see", {"error": "maximum context length is 8"}), "context_overflow", "shorten"),
]


def test_an_error_of_a_model_in_this_process_is_not_a_servers_nonsense() -> None:
    found = classify(KeyError("surprise"), Target("m"))
    assert (found.kind, str(found)) == ("unknown", "KeyError: 'surprise'")


@pytest.mark.parametrize(("error", "kind", "words"), KINDS, ids=lambda value: repr(value)[:40])
def test_an_exception_is_told_by_its_family_or_status(error: Exception, kind: str, words: str) -> None:
    found = classify(error, TARGET)
    assert (found.kind, words in str(found)) == (kind, True), str(found)
    assert "\n" not in str(found)


def test_a_loop_of_causes_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert classify(first, TARGET).kind == "unknown"


@pytest.mark.parametrize(
    "text",
    [
        "key sk-proj-SECRETSECRET_1234 is wrong",
        "Authorization: Bearer SECRETSECRET.abc",
        "authorization: basic SECRETSECRET==",
        "https://x/?api_key=SECRETSECRET&y=1",
        '{"api_key": "SECRETSECRET"}',
        "x-api-key: SECRETSECRET",
        "http://me:SECRETSECRET@host/v1",
        "gsk_SECRETSECRET1 and hf_SECRETSECRET2",
        "AKIASECRETSECRET12",
        "password=SECRETSECRET",
    ],
)
def test_what_looks_like_a_key_is_hidden(text: str) -> None:
    assert "SECRETSECRET" not in scrub(text)
    assert "SECRETSECRET" not in one_line(text)
    assert "SECRETSECRET" not in quote(text)


@given(st.text(), st.text(st.characters(categories=("L", "N")), min_size=6), st.text())
def test_a_known_secret_never_survives(before: str, value: str, after: str) -> None:
    left = scrub(before + value + after, [value]).split("[hidden]")
    assert not any(value in part for part in left)


@given(st.sampled_from(["X_API_KEY", "AWS_SESSION_TOKEN", "db_password", "CLIENT_SECRET_ID"]))
def test_a_secret_of_the_environment_is_hidden_whoever_asks(name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, " squeamish/ossifrage ")
        patch.setenv("MONKEY_COUNT", "seventeen")
        shown = scrub("seventeen times squeamish/ossifrage, that is squeamish%2Fossifrage")
    assert shown == "seventeen times [hidden], that is [hidden]"


@given(st.text(), st.integers(10, 200))
def test_a_foreign_text_becomes_one_short_line(text: str, longest: int) -> None:
    line = one_line(text, longest=longest)
    assert len(line) <= longest
    assert len(line.splitlines()) <= 1
