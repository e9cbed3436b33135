"""A real HTTP server for the tests of fetching: files with ETags and ranges, a hub, and every kind of bad day."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Asked:
    """One request."""

    path: str
    range: str
    if_range: str


@dataclass
class ModelServer:
    """What the server has and how it behaves; tests change it while it runs.

    Attributes:
        files: path → content.
        cuts: bytes after which the connection of each coming request for a file is cut.
        statuses: status of each coming request for a file, 0 for none out of the ordinary.
        takes_ranges: whether it can begin in the middle.
        gives_etag: whether it names versions.
        pause_s: before every 10,000 bytes.
        asked: all requests for files.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    takes_ranges: bool = True
    gives_etag: bool = True
    gives_length: bool = True
    pause_s: float = 0.0
    asked: list[Asked] = field(default_factory=list)

    def add_hub(
        self,
        repository: str,
        files: dict[str, bytes],
        *,
        large: tuple[str, ...] = (),
        licence: str,
        revision: str = "main",
    ) -> None:
        """Adds a repository of a hub; of `large` files it states the SHA-256, of others Git's checksum."""
        siblings: list[dict[str, Any]] = []
        for name, content in files.items():
            self.files[f"/{repository}/resolve/{COMMIT}/{name}"] = content
            git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
            entry: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": git}
            if name in large:
                entry["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
            siblings.append(entry)
        listing = {"sha": COMMIT, "siblings": siblings, "cardData": {"license": licence}}
        self.files[f"/api/models/{repository}/revision/{revision}"] = json.dumps(listing).encode()

    def fetched(self, name: str) -> list[Asked]:
        """The requests for files of this name."""
        return [asked for asked in self.asked if asked.path.endswith(f"/{name}")]


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """Runs one on a free port of the loopback interface."""
    state = ModelServer()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            content = state.files.get(path)
            is_file = not path.startswith("/api/")  # a list is asked for on good days only
            if is_file:
                state.asked.append(Asked(path, self.headers.get("Range", ""), self.headers.get("If-Range", "")))
            status = state.statuses.pop(0) if is_file and state.statuses else 0
            if status in (301, 302, 307, 308):
                self.send_response(status)
                for name, value in state.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if content is None or status:
                self.send_error(status or 404)
                return
            self._send(content, state.cuts.pop(0) if is_file and state.cuts else None)

        def _send(self, content: bytes, cut: int | None) -> None:
            etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"' if state.gives_etag else ""
            start, wanted = 0, self.headers.get("Range", "")
            if wanted and state.takes_ranges and self.headers.get("If-Range", etag) == etag:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            if state.gives_length:
                self.send_header("Content-Length", str(len(content) - start))
            if etag:
                self.send_header("ETag", etag)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.end_headers()
            body = content[start : len(content) if cut is None else start + cut]
            try:
                for at in range(0, len(body), 10_000):
                    time.sleep(state.pause_s)
                    self.wfile.write(body[at : at + 10_000])
            except ConnectionError:  # the client went away
                pass
            if cut is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="model server")
        thread.start()
        yield state
        server.shutdown()
        thread.join()
