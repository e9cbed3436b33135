"""One connection to an MQTT broker: opened, closed in bounded time, its failures told apart."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import random
import secrets
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING

from agent.config.device_sections import MqttSection
from agent.mqtt.messages import OFFLINE
from agent.mqtt.queues import inbox_type
from agent.mqtt.settings import check, password_from_environment
from agent.text.foreign_text import shortened
from speech.errors import InputError

if TYPE_CHECKING:
    from aiomqtt import Client, MqttError

KEEPALIVE_S = 15
"""A broker gives up on a computer that lost its power after one and a half times this."""

ANSWER_S = 10.0
"""A broker that has not answered after so long is gone."""

MOST_PACKET_BYTES = 10_000
"""Of a message, its topic included, so much is kept: the longest text that is read takes 8,000. The rest is thrown away
as it comes, or one message could fill the memory and hold up the event loop for seconds."""

CLOSING_S = 0.25
"""For each of the last words on a connection; cancelling must not take longer than a second."""


class Failure(StrEnum):
    """Kinds of connection failure; each is reported to the user once."""

    AWAY = "away"
    REFUSED = "refused"
    TLS = "tls"


class ConnectionFailed(Exception):
    """There is no connection (any more).

    Attributes:
        failure: which kind, so that each is reported to users once.
    """

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure


class Backoff:
    """How long to wait before the next attempt: twice as long each time, varied so that clients don't come in step.

    Args:
        first_s: the first wait, seconds.
        longest_s: the longest wait, seconds.
    """

    def __init__(self, first_s: float = 0.5, longest_s: float = 10.0) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self.reset()

    def reset(self) -> None:
        """The connection was good: the next failure is a new one."""
        self._next_s = self._first_s

    def next_s(self, failure: Failure) -> float:
        """Seconds to wait now. Who was turned away comes back slowly: brokers lock out those who hammer."""
        wait_s = self._next_s if failure is Failure.AWAY else self._longest_s
        self._next_s = min(self._longest_s, 2 * self._next_s)
        return wait_s * random.uniform(0.75, 1.0)


class Broker:
    """Where to connect to, and as whom.

    Args:
        settings: the [mqtt] section, with a host.
        on_dropped: called on the event loop for every command that found no room.

    Raises:
        InputError: aiomqtt is not installed, a setting can't be right, or the password is not there.
    """

    def __init__(self, settings: MqttSection, on_dropped: Callable[[], None]) -> None:
        if importlib.util.find_spec("aiomqtt") is None:
            raise InputError(
                "mqtt: expected the package aiomqtt, it is not installed; run: pip install 'visavis[mqtt]'"
            )
        check(settings)
        self._settings, self._on_dropped = settings, on_dropped
        self._password = password_from_environment(settings)
        # The same name every time: a connection of ours that the broker still takes for alive ends when we come back,
        # and can't report us dead later.
        self._identifier = f"visavis-{secrets.token_hex(6)}"
        # aiomqtt and paho warn on standard error otherwise; what matters comes as an exception too.
        self._logger = logging.Logger("visavis.mqtt", logging.CRITICAL)

    @property
    def address(self) -> str:
        """HOST:PORT, for messages."""
        return f"{self._settings.host}:{self._settings.port}"

    def topic(self, name: str) -> str:
        """The full topic of a name such as "state": base topic, slash, name."""
        return f"{self._settings.base_topic}/{name}"

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Client]:
        """Connects; the last will says "offline".

        Raises:
            ConnectionFailed: no connection came about, or it broke (any MqttError from inside).
        """
        from aiomqtt import Client, MqttError, Will

        settings = self._settings
        client = Client(
            settings.host,
            settings.port,
            username=settings.username or None,
            password=self._password,
            identifier=self._identifier,
            will=Will(self.topic("state"), OFFLINE, qos=1, retain=True),
            keepalive=KEEPALIVE_S,
            timeout=ANSWER_S,
            logger=self._logger,
            queue_type=inbox_type(self._on_dropped),
            # Reads the system's certificates from the disk.
            tls_context=await asyncio.to_thread(ssl.create_default_context) if settings.tls else None,
        )
        _limit_packet_size(client)
        client._disconnected.add_done_callback(_clean_disconnect)
        failed: MqttError | None = None
        was_connected = False
        try:
            await self._enter(client)
            was_connected = True
            yield client
        except* MqttError as errors:
            failed = _first(errors)
        finally:
            await _close(client)
        if failed is not None:
            raise self._explain(failed, was_connected) from None

    async def _enter(self, client: Client) -> None:
        """Connects. It happens in a thread, which can't be cancelled: what it opens must be closed all the same."""
        connecting = asyncio.create_task(client.__aenter__(), name="mqtt connect")
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            await asyncio.wait({connecting}, timeout=2 * CLOSING_S)
            connecting.cancel()
            connecting.add_done_callback(lambda task: task.cancelled() or task.exception())  # nobody else asks for it
            raise

    def _explain(self, error: MqttError, was_connected: bool) -> ConnectionFailed:
        settings, text = self._settings, shortened(str(error))
        if was_connected:
            return ConnectionFailed(
                Failure.AWAY, f"mqtt: the connection to the broker at {self.address} broke; trying on"
            )
        # A port without TLS answers the handshake with a reset.
        if "SSL" in text or (settings.tls and "reset" in text):
            return ConnectionFailed(
                Failure.TLS,
                f"mqtt: expected a TLS connection to {self.address}, got '{text}'; check mqtt.port, mqtt.tls and the "
                "broker's certificate (SSL_CERT_FILE names one of your own); trying on",
            )
        # Reason codes of MQTT: 134 bad user name or password, 135 not authorised.
        if getattr(getattr(error, "rc", None), "value", None) in (134, 135):
            who = f"user '{settings.username}'" if settings.username else "a client without a user name"
            return ConnectionFailed(
                Failure.REFUSED,
                f"mqtt: expected the broker at {self.address} to let {who} in, it does not; check mqtt.username and "
                f"the password in {settings.password_env or 'mqtt.password_env'}; trying on, slowly",
            )
        hint = " and whether it wants TLS (mqtt.tls)" if "timed out" in text and not settings.tls else ""
        return ConnectionFailed(
            Failure.AWAY,
            f"mqtt: expected a broker at {self.address}, got '{text}'; check that it runs{hint}; trying on",
        )


def raise_if_cancelled() -> None:
    """Before Python 3.12 `asyncio.wait_for`, which aiomqtt uses, loses a cancellation that comes with the answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _close(client: Client) -> None:
    """Also what only half came about: aiomqtt leaves a connection open whose broker never answered."""
    client.timeout = CLOSING_S
    # Whatever the client choked on in the broker's bytes comes out here once more.
    with suppress(Exception):
        await client.__aexit__(None, None, None)
    client._disconnected.add_done_callback(_clean_disconnect)  # entering may have replaced it


def _clean_disconnect(disconnected: asyncio.Future[None]) -> None:
    """Why a connection broke comes as an MqttError where it matters; asyncio would print it once more."""
    if not disconnected.cancelled():
        disconnected.exception()


def _limit_packet_size(client: Client) -> None:
    """Makes the client keep no more than `MOST_PACKET_BYTES` of a packet; neither library has a setting for it.

    A message that is cut so is longer than any that is read: it is refused in words.
    """
    paho = client._client
    receive = paho._sock_recv

    def receive_and_keep(most: int) -> bytes:
        received = receive(min(most, 65_536))
        packet = paho._in_packet
        if packet["command"] & 0xF6 == 0x34:  # of quality 2, which nobody asked for, paho would keep any number
            raise ConnectionResetError
        kept = max(1, MOST_PACKET_BYTES - len(packet["packet"]))
        if packet["have_remaining"] and len(received) > kept:
            packet["to_process"] -= len(received) - kept
            return received[:kept]
        return received

    paho._sock_recv = receive_and_keep  # type: ignore[assignment,method-assign]


def _first(errors: BaseExceptionGroup[MqttError]) -> MqttError:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error  # type: ignore[return-value]  # the leaves are of the type that was caught
