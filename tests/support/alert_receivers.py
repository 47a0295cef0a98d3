"""Who is told: a web hook and a mail server on this machine, that keep what they get."""

import http.server
import json
import socketserver
import threading
from email import message_from_string
from typing import Any

from tests.support.receiver import Receiver


class Webhook(Receiver):
    """An HTTP server that takes POSTs and answers each with `status`; 0: never answers."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.got: list[dict[str, Any]] = []
        self.released = threading.Event()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                hook.got.append(json.loads(body))
                if not hook.status:
                    hook.released.wait(60)
                    return
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.server = server
        self.url = f"json://127.0.0.1:{server.server_port}/hook"

    def titles(self) -> list[str]:
        """Return the titles of what came, in order."""
        return [each["title"] for each in self.got]

    def heard(self, words: str) -> bool:
        """Tell whether a title with these words came."""
        return any(words in title for title in self.titles())

    def release(self) -> None:
        """Let go those whom it never answers."""
        self.released.set()


class Mailbox(Receiver):
    """An SMTP server that takes every mail."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        box = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

            def handle(self) -> None:
                self.say("220 here")
                while line := self.rfile.readline().decode().strip().upper():
                    if line == "DATA":
                        self.say("354 go on")
                        lines = []
                        while (text := self.rfile.readline().decode()) not in {".\r\n", ""}:
                            lines.append(text)
                        box.got.append(message_from_string("".join(lines)))
                    self.say("221 bye" if line == "QUIT" else "250 ok")
                    if line == "QUIT":
                        return

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.server = server
        port = server.server_address[1]
        self.url = (
            f"mailto://127.0.0.1:{port}?smtp=127.0.0.1&mode=insecure"
            "&from=edgepaas@example.org&to=on-call@example.org"
        )
