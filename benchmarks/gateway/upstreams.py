"""The providers that all gateways call: nginx with fixed answers, and `mock.c` with paced streams."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.gateway.processes import LOAD_CORE, free_port, running
from benchmarks.gateway.programs import program

EVENT_MS = 40
"""25 events a second."""

CHAT = {
    "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    "object": "chat.completion",
    "created": 1741569952,
    "model": "gpt-4.1-2025-04-14",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "The printing press was invented around 1440 by Johannes Gutenberg in Mainz. " * 3,
                "refusal": None,
                "annotations": [],
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 60,
        "completion_tokens": 54,
        "total_tokens": 114,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    },
    "service_tier": "default",
    "system_fingerprint": "fp_fc9f1d7035",
}
MESSAGE = {
    "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5",
    "content": [{"type": "text", "text": "The printing press was invented around 1440 by Johannes Gutenberg. " * 3}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 60, "output_tokens": 54},
}

NGINX = """
worker_processes 1;
pid {folder}/{name}.pid;
error_log stderr error;
daemon off;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_max_body_size 0;
  client_body_buffer_size 2m;
  client_body_temp_path {folder}/{name}-body;
  proxy_temp_path {folder}/{name}-proxy;
  fastcgi_temp_path {folder}/{name}-fastcgi;
  uwsgi_temp_path {folder}/{name}-uwsgi;
  scgi_temp_path {folder}/{name}-scgi;
  keepalive_requests 1000000000;
  {body}
}}
"""


def nginx(folder: Path, name: str, body: str) -> list[str]:
    """The command that runs nginx with those blocks in its `http` block."""
    path = folder / f"{name}.conf"
    path.write_text(NGINX.format(folder=folder, name=name, body=body))
    return [shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") or "nginx", "-c", str(path)]


def _fixed(path: str, answer: object) -> str:
    text = json.dumps(answer).replace("'", "\\'")
    return f"location {path} {{ default_type application/json; return 200 '{text}'; }}"


@contextmanager
def upstreams(folder: Path, events: int) -> Iterator[tuple[int, int]]:
    """Their ports: of whole answers, and of streams.

    Args:
        folder: for their files.
        events: of each stream.
    """
    whole, streamed = free_port(), free_port()
    server = f"server {{ listen 127.0.0.1:{whole}; {_fixed('/v1/chat', CHAT)} {_fixed('/v1/messages', MESSAGE)} }}"
    mock = [program("mock"), str(streamed), str(EVENT_MS), str(events)]
    with (
        running(nginx(folder, "answers", server), folder, name="answers", core=LOAD_CORE) as answers,
        running(mock, folder, name="streams", core=LOAD_CORE) as streams,
    ):
        answers.listens(whole, 10)
        streams.listens(streamed, 10)
        yield whole, streamed
