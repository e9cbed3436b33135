"""Where the server listens: its address is taken and its certificate read before anything slow is loaded."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from agent.config.web_sections import WebSection
from speech.errors import BackendError, InputError

BACKLOG = 128
"""Visitors who come while everything loads: they wait for the page instead of being refused."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens already.

    Args:
        host: a name or an address of this machine, or "0.0.0.0" or "::" for all that it has.
        port: 0 for a free one.

    Raises:
        InputError: there is no such address here, or the port is not for everybody to take.
        BackendError: somebody listens there already: they may go.
    """
    where = f"web: {host} port {port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise InputError(f"{where}: expected an address of this machine, nobody knows this name") from None
    family, kind, _, _, address = found[0]
    listening = socket.socket(family, kind)
    try:
        if os.name == "posix":  # on Windows it would share the port with whoever listens there already
            # A server that has just ended leaves connections behind that keep the port for a minute.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise BackendError(
                f"{where}: another program listens there; stop it, or take another port with --port (0: a free one)"
            ) from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise InputError(f"{where}: expected an address of this machine, it has no such address") from None
        if error.errno == errno.EACCES:
            raise InputError(f"{where}: expected a port from 1024 on, this one takes special rights") from None
        raise BackendError(f"{where}: could not listen there: {error.strerror or error}") from None
    listening.setblocking(False)
    return listening


def tls_context(web: WebSection) -> ssl.SSLContext | None:
    """What encrypts; None where no certificate is configured.

    Raises:
        InputError: certificate or key is missing, is none, or they don't belong together.
    """
    certificate, key = web.tls_certificate, web.tls_key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "tls_certificate" if certificate is None else "tls_key"
        raise InputError(f"web.{missing}: expected a PEM file, since the other of the two is given, got none")
    for path, what in ((certificate, "a certificate"), (key, "a private key")):
        _check_pem(path, what)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # A key with a password would be asked for at the terminal; a server has nobody to answer.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).lower().replace("_", " ")
        raise InputError(
            f"{certificate}: expected a certificate that belongs to the key {key} (which has no password): {reason}"
        ) from None
    return context


def key_hash(certificate: Path) -> str:
    """The hash by which a browser knows a certificate's public key again: SHA-256 of its DER form, in base 64."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509 import load_pem_x509_certificate

    key = load_pem_x509_certificate(certificate.read_bytes()).public_key()
    return b64encode(sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()).decode()


def url_of(listening: socket.socket, *, tls: bool, local: bool = False) -> str:
    """The page's address, as this machine reaches it.

    Args:
        listening: as from `listen`.
        tls: whether it encrypts.
        local: this machine's own address where it listens at all of them, else that is the machine's name.
    """
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = ("127.0.0.1" if host == "0.0.0.0" else "::1") if local else socket.gethostname()
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{shown}:{port}/"


def _check_pem(path: Path, what: str) -> None:
    try:
        holds = b"-----BEGIN " in path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: expected {what} in a PEM file, could not read it: {error.strerror}") from None
    if not holds:
        raise InputError(f"{path}: expected {what} in a PEM file, this is none")
