"""A server on loopback that speaks OpenAI's Chat Completions; the model's name says how it misbehaves.

`python -m benchmarks.loopback` prints its port and serves until its standard input ends.
"""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.request import urlopen

ANSWER = ("Hel", "lo")

FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "401": "401",
        "404": "404",
        "429": "429, Retry-After: 30",
        "429-once": "429, Retry-After: 0.2, then an answer",
        "500": "500",
        "529": "529",
        "hang": "hangs before the first byte",
        "stall": "stalls in mid-stream",
        "cut": "cut in mid-stream",
        "empty": "empty first chunk, then cut",
        "malformed": "malformed data in the stream",
        "think": "only `</think>`, no opening tag",
        "drip": "slow drip without an end",
    }
)
"""The faults by the model's name."""

_WAITS = MappingProxyType({"429": "30", "429-once": "0.2"})


def _event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


_START = _event({"role": "assistant", "content": ""})
_USAGE = (
    b'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[],'
    b'"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}\n\n'
)


async def _pieces(model: str) -> AsyncIterator[bytes]:
    """What is streamed; an `EOFError` is a connection that breaks."""
    yield _START
    if model == "empty":
        raise EOFError
    if model == "malformed":
        yield b'data: {"choices": [{"delta": {"content": "bro\n\n'
    words = ["Let me", " think</think>", *ANSWER] if model == "think" else ANSWER
    for word in words[:1] if model in ("stall", "cut", "drip") else words:
        yield _event({"content": word})
    if model == "stall":
        await asyncio.sleep(3600)
    while model == "drip":
        await asyncio.sleep(0.2)
        yield _event({"content": "."})
    if model == "cut":
        raise EOFError
    yield _event({}, "stop")
    yield _USAGE
    yield b"data: [DONE]\n\n"


class Loopback:
    """The server; it counts requests by model."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until one wants the connection closed, or breaks it."""
        # Who still hangs or stalls when the server ends is cancelled.
        with suppress(OSError, EOFError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                if head.startswith("get"):
                    _reply(writer, 200, json.dumps(self.counts))
                else:
                    length = int(head.split("content-length:")[1].split()[0])
                    model = json.loads(await reader.readexactly(length))["model"]
                    self.counts[model] += 1
                    await self._answer(writer, model)
                await writer.drain()
                if "connection: close" in head:
                    break
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async def _answer(self, writer: asyncio.StreamWriter, model: str) -> None:
        if model == "hang":
            await asyncio.sleep(3600)
        refuses = model[:3].isdigit() and (model != "429-once" or self.counts[model] == 1)
        if refuses:
            wait = f"retry-after: {_WAITS[model]}\r\n" if model in _WAITS else ""
            _reply(writer, int(model[:3]), json.dumps({"error": {"message": f"fault {model}"}}), wait)
            return
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        async for piece in _pieces(model):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")


def _reply(writer: asyncio.StreamWriter, status: int, body: str, headers: str = "") -> None:
    writer.write(
        f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"{headers}\r\n{body}".encode()
    )


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is."""

    url: str

    def counts(self) -> dict[str, int]:
        """Requests so far, by model."""
        with urlopen(self.url) as response:  # noqa: S310 - it is ours
            found: dict[str, int] = json.load(response)
            return found


@contextmanager
def loopback() -> Iterator[Address]:
    """Run the server in a process of its own, so that it takes no time from who asks it."""
    command = [sys.executable, "-m", "benchmarks.loopback"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout  # noqa: S101, PT018 - they are pipes
        try:
            yield Address(f"http://127.0.0.1:{int(process.stdout.readline())}/v1")
        finally:
            process.stdin.close()


async def _main() -> None:
    server = await asyncio.start_server(Loopback().serve, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main())
