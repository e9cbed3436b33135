"""Where the bytes of a fetched file come from: a server, or a folder of this machine."""

from __future__ import annotations

import base64
import binascii
import http.client
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from speech.errors import InputError

TIMEOUT_S = 30.0
"""Without a byte for so long, the connection counts as cut."""

_USER_AGENT = "visavis (+urllib)"
_TRY_AGAIN = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a file's content must come to.

    Attributes:
        kind: "sha256" or "md5" of the content, or "git": the SHA-1 that Git gives a file.
        value: hexadecimal.
    """

    kind: Literal["sha256", "git", "md5"]
    value: str


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that is to be fetched.

    Attributes:
        path: of the file inside the model's folder, with "/".
        url: where it is; "" for one that only a folder has.
        size: bytes, as its source states; None if it states none.
        checksum: as its source states; None if it states none.
    """

    path: str
    url: str
    size: int | None = None
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A file opened at its source.

    Attributes:
        read: gives up to so many bytes; none at the end, or where the connection was cut.
        start: the position of the first byte, which is not where it was asked for from a server that can't do that.
        total: bytes of the whole file, if known.
        etag: names this version of the file; "" for none.
        md5: of the whole file, hexadecimal; "" for none.
    """

    read: Callable[[int], bytes]
    start: int
    total: int | None
    etag: str = ""
    md5: str = ""


class FileSource(Protocol):
    """Where the bytes of a file come from."""

    def open(self, file: RemoteFile, start: int, etag: str) -> AbstractContextManager[Answer]:
        """Opens a file from a position on, if it is still the version that `etag` names ("": any).

        Raises:
            InputError: it can't be had.
            Cut: it could not be had this time.
        """


class Cut(Exception):
    """The connection failed; another try may go well."""


class Unreachable(Cut):
    """There was no connection: no network, or no such server."""


class Stale(Cut):
    """What is here is no beginning of the file that the server has."""


class _StayEncrypted(urllib.request.HTTPRedirectHandler):
    """Follows redirections to servers of the Web, and from an encrypted connection only to another."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not newurl.startswith(("https:", "http:")):
            raise urllib.error.HTTPError(newurl, code, "redirected to no server of the Web", headers, fp)
        if req.type == "https" and not newurl.startswith("https:"):
            raise urllib.error.HTTPError(newurl, code, "redirected to a connection without encryption", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_opener = urllib.request.build_opener(_StayEncrypted)


class Web:
    """Files over HTTP, with the proxy that the environment names."""

    @contextmanager
    def open(self, file: RemoteFile, start: int, etag: str) -> Iterator[Answer]:
        """See `FileSource.open`."""
        headers = {"Range": f"bytes={start}-", **({"If-Range": etag} if etag else {})} if start else {}
        with web_answer(file.url, headers) as answer:
            given = answer.headers
            if given.get_content_type() == "text/html" and not file.path.endswith((".html", ".htm")):
                raise InputError(
                    f"{file.url}: expected the file, the server sent a web page; is there a page to log in at first?"
                )
            begins = start if answer.status == 206 else 0
            length = given.get("Content-Length", "")
            yield Answer(
                lambda size: _read(answer, size, file.url),
                begins,
                begins + int(length) if length.isdecimal() else None,
                "" if given.get("ETag", "").startswith("W/") else given.get("ETag", ""),
                _md5(given.get("Content-MD5", "")) if answer.status == 200 else "",
            )


@contextmanager
def web_answer(url: str, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
    """Asks a server.

    Raises:
        InputError: it refuses, or there is no such file.
        Cut: it can't be reached, or can't answer now.
    """
    asked = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", **headers}
    try:
        answer = _opener.open(urllib.request.Request(url, headers=asked), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        said = f"{url}: the server says {error.code} {error.reason}"
        if error.code in _TRY_AGAIN or error.code >= 500:
            raise Cut(said) from None
        if error.code == 416:
            raise Stale(f"{url}: the file there is shorter than what is here") from None
        advice = "it wants you to log in" if error.code in (401, 403) else "was it moved? name another model"
        raise InputError(f"{said}; {advice}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise InputError(f"{url}: the server's certificate is not valid: {reason.verify_message}") from None
        kind = Unreachable if isinstance(reason, socket.gaierror | ConnectionRefusedError) else Cut
        raise kind(f"{url}: {_in_words(reason)}") from None
    except ValueError as error:
        raise InputError(f"expected an address such as https://huggingface.co, got {url!r}: {error}") from None
    with answer:
        yield answer


def _read(answer: http.client.HTTPResponse, size: int, url: str) -> bytes:
    try:
        return answer.read1(size)  # what is there: read() would wait until so much is
    except (OSError, http.client.HTTPException) as error:
        raise Cut(f"{url}: {_in_words(error)}") from None


def _md5(header: str) -> str:
    try:
        return base64.b64decode(header, validate=True).hex()
    except binascii.Error:
        return ""


def _in_words(reason: object) -> str:
    if isinstance(reason, socket.gaierror):
        return "no such host, or no network"
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return " ".join(str(reason).split()) or type(reason).__name__


class Folder:
    """Files in a folder of this machine.

    Args:
        places: folders that may hold the files, the likeliest first.
    """

    def __init__(self, places: Sequence[Path]) -> None:
        self.places = places

    @contextmanager
    def open(self, file: RemoteFile, start: int, etag: str) -> Iterator[Answer]:
        """See `FileSource.open`."""
        name = file.path.rpartition("/")[2]
        found = [path for place in self.places for path in (place / file.path, place / name) if path.is_file()]
        if not found:
            places = " or ".join(str(place) for place in self.places)
            raise InputError(f"expected the file {name} in {places}, found none")
        try:
            with found[0].open("rb") as stream:
                stream.seek(start)
                yield Answer(stream.read, start, found[0].stat().st_size)
        except PermissionError as error:
            raise InputError(f"{found[0]}: {error.strerror}") from None
