"""The other side of the border, on loopback: a mail server and an HTTP server that keep what they were sent."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest


@dataclass
class Posted:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpServer:
    """What came, and how it is answered: the statuses in turn, then 200 for ever."""

    port: int = 0
    posted: list[Posted] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@contextmanager
def http_server() -> Iterator[HttpServer]:
    kept = HttpServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.posted.append(Posted(self.path, dict(self.headers), body))
            self.send_response(kept.answers.pop(0) if kept.answers else 200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield kept
        server.shutdown()


@dataclass
class MailServer:
    """What came: envelope and message."""

    port: int = 0
    mails: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    refuses: bool = False


class _Mail(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a client of one mail needs."""

    kept: MailServer

    def handle(self) -> None:
        sender, recipients = "", []
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb, address = line.split(" ")[0].upper(), line.partition("<")[2].partition(">")[0]
            if verb == "MAIL":
                sender = address
            elif verb == "RCPT":
                recipients.append(address)
            elif verb == "DATA":
                self.say("354 go on")
                mail = message_from_bytes(self.data(), policy=policy.default)
                self.kept.mails.append((sender, recipients, cast("EmailMessage", mail)))
            self.say("451 later" if verb == "MAIL" and self.kept.refuses else "221 bye" if verb == "QUIT" else "250 ok")

    def data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    kept = MailServer()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Mail", (_Mail,), {"kept": kept})) as server:
        server.daemon_threads = True
        kept.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield kept
        server.shutdown()


def connect(monkeypatch: pytest.MonkeyPatch, conn_id: str, **connection: Any) -> None:
    """An Airflow connection, by the environment."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
