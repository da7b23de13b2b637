"""The playground's server: the standard library's, for this machine only.

It listens on 127.0.0.1. Every address begins with a token that only the one who started it has; a request for another host name
(DNS rebinding) or from another page (Origin) is refused, and nothing is ever allowed for other origins.
"""
from __future__ import annotations

import hmac
import json
import secrets
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from tinygrad_c.play.data import TOYS, Problem
from tinygrad_c.play.session import Refused, Session

LARGEST = 100_000       # bytes of a request
LEFT_OVER, LINGER = 10_000_000, 2.0         # bytes of a refused request that are read, and for how many seconds
TYPES = {"play.js": "text/javascript", "play.css": "text/css"}
PAGE_POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; " \
              "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
EXPLAIN_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; base-uri 'none'; " \
                 "form-action 'none'; frame-ancestors 'self'"


class Server(ThreadingHTTPServer):
    """`url` is the page's address, with its token."""

    daemon_threads = True
    allow_reuse_address = False

    def __init__(self, problem: Problem | None = None, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.token = secrets.token_urlsafe(24)
        self.lock = threading.Lock()
        self.own = problem
        self.session = Session(problem if problem is not None else TOYS["moons"]())
        self.url = f"http://127.0.0.1:{self.server_address[1]}/{self.token}/"

    def problems(self) -> list[str]:
        return [*([self.own.name] if self.own is not None else []), *TOYS]

    def shutdown_request(self, request: Any) -> None:
        """Close after the client has: a close before its request is read resets the connection, and the answer is lost."""
        try:
            request.shutdown(socket.SHUT_WR)
            end = time.monotonic() + LINGER
            left = LEFT_OVER
            while left > 0 and (seconds := end - time.monotonic()) > 0:
                request.settimeout(seconds)
                read = len(request.recv(65_536))
                if read == 0:
                    break
                left -= read
        except OSError:     # reset, or too late
            pass
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def problem(self, name: Any) -> Problem:
        if self.own is not None and name == self.own.name:
            return self.own
        if not isinstance(name, str) or name not in TOYS:
            raise Refused(f"data is one of {', '.join(self.problems())}")
        return TOYS[name]()


class Handler(BaseHTTPRequestHandler):
    server: Server
    server_version, sys_version = "tinygrad_c", ""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is the user's."""

    def place(self) -> str | None:
        """What is asked for, below the token; None, and the refusal is sent, if it may not be."""
        port = self.server.server_address[1]
        if self.headers.get("Host") not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            self.refuse(403, "this page is for this machine only")
            return None
        origin = self.headers.get("Origin")
        if origin is not None and origin not in (f"http://127.0.0.1:{port}", f"http://localhost:{port}"):
            self.refuse(403, "another page may not ask")
            return None
        _, _, rest = self.path.partition("/")
        token, _, place = rest.partition("/")
        if not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self.refuse(404, "no such page")
            return None
        return place.partition("?")[0]

    def do_GET(self) -> None:
        place = self.place()
        if place is None:
            return
        if place == "":
            self.answer(asset("play.html"), "text/html", PAGE_POLICY)
        elif place in TYPES:
            self.answer(asset(place), TYPES[place], PAGE_POLICY)
        elif place in ("explain", "explain.zh"):
            with self.server.lock:
                text = self.server.session.explain("zh" if place.endswith("zh") else "en")
            self.answer(text, "text/html", EXPLAIN_POLICY)
        else:
            self.refuse(404, "no such page")

    def do_POST(self) -> None:
        place = self.place()
        if place is None:
            return
        try:
            asked = self.body()
            with self.server.lock:
                out = self.act(place, asked)
        except Refused as error:
            self.refuse(400, str(error), error.what)
        else:
            self.answer(json.dumps(out, allow_nan=False), "application/json", "default-src 'none'")

    def body(self) -> dict[str, Any]:
        if self.headers.get_content_type() != "application/json":       # a form of another page cannot send that
            raise Refused("a request is JSON")
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            raise Refused("a request says how long it is") from None
        if not 0 <= length <= LARGEST:
            raise Refused("the request is too long")
        try:
            asked = json.loads(self.rfile.read(length))
        except ValueError:
            raise Refused("the request is no JSON") from None
        if not isinstance(asked, dict):
            raise Refused("a request is an object")
        return asked

    def act(self, place: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked; gives the new state."""
        session = self.server.session
        if place == "setup":
            fresh = Session(self.server.problem(asked.get("data", session.problem.name)), asked)
            self.server.session = session = fresh
            return {"fixed": session.fixed(), "state": session.state(), "problems": self.server.problems()}
        if place == "train":
            if "lr" in asked:
                session.set_lr(asked["lr"])
            session.train(asked.get("steps", 1))
            return {"state": session.state()}
        if place == "lr":
            session.set_lr(asked.get("lr"))
            return {"state": session.state()}
        if place == "state":
            return {"fixed": session.fixed(), "state": session.state(), "problems": self.server.problems()}
        raise Refused("nothing of that name can be done")

    def answer(self, text: str, kind: str, policy: str, status: int = 200) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status: int, why: str, what: str = "") -> None:
        self.close_connection = True
        self.answer(json.dumps({"error": why, "what": what}), "application/json", "default-src 'none'", status)


def asset(name: str) -> str:
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def play(path: str | None, columns: list[str] | None, target: str | None, port: int, open_browser: bool) -> None:
    """Serve until Ctrl-C."""
    from tinygrad_c.play.data import from_table
    problem = None if path is None else from_table(path, columns, target)
    with Server(problem, port) as server:
        try:
            print(f"{server.url}\nOpen this address in a browser on this machine. Ctrl-C ends it.", flush=True)
            if open_browser:
                import webbrowser
                webbrowser.open(server.url)
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            print("ended")
