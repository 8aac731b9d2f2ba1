"""A model's endpoint on loopback: it answers by a script, and keeps what it was asked.

It stands in for the model alone; the client that asks it is the real one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Turn = str | dict[str, Any]
"""What the model says: a text, or a tool's ``name`` and ``input``."""


@dataclass
class Endpoint:
    """The endpoint while it is served.

    Attributes:
        url: Its address.
        turns: What the model says, one turn after the other; then it says "done".
        asked: The bodies of the requests that offered tools.
    """

    url: str
    turns: list[Turn]
    asked: list[str] = field(default_factory=list)
    _script: Iterator[Turn] = field(init=False)

    def __post_init__(self) -> None:
        self._script = iter(self.turns)

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """Give the model's message for a request."""
        said: Turn = "ok"
        if body.get("tools"):
            self.asked.append(json.dumps(body, ensure_ascii=False))
            said = next(self._script, "done")
        block = (
            {"type": "text", "text": said}
            if isinstance(said, str)
            else {"type": "tool_use", "id": f"toolu_{len(self.asked)}", **said}
        )
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body.get("model", "scripted"),
            "content": [block],
            "stop_reason": "end_turn" if isinstance(said, str) else "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }


@contextmanager
def serve(*turns: Turn) -> Iterator[Endpoint]:
    """Serve an endpoint on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._send(b"", "application/json")

        def do_GET(self) -> None:
            self._send(b'{"data": [], "has_more": false}', "application/json")

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            if "count_tokens" in self.path:
                self._send(b'{"input_tokens": 1}', "application/json")
                return
            message = endpoint.answer(body)
            if body.get("stream"):
                self._send(_stream(message), "text/event-stream")
            else:
                self._send(json.dumps(message).encode(), "application/json")

        def _send(self, data: bytes, media_type: str) -> None:
            self.send_response(200)
            self.send_header("content-type", media_type)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    endpoint = Endpoint(f"http://127.0.0.1:{server.server_address[1]}", list(turns))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _stream(message: dict[str, Any]) -> bytes:
    block = message["content"][0]
    if block["type"] == "text":
        empty: dict[str, Any] = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": block["text"]}
    else:
        empty = {**block, "input": {}}
        text = json.dumps(block["input"])
        delta = {"type": "input_json_delta", "partial_json": text}
    start = {**message, "content": [], "stop_reason": None}
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ending, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events
    ).encode()
