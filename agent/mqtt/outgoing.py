"""What goes to the broker: what happens in the conversation, what the avatar does now, and its newest motion."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from agent.conversation.events import (
    AnswerPaused,
    AttentionChanged,
    Event,
    Problem,
    RequestDropped,
    StateChanged,
    TurnFinished,
)
from agent.mqtt import messages
from agent.mqtt.connection import CLOSING_S, raise_if_cancelled
from agent.mqtt.messages import OFFLINE
from agent.mqtt.presence import Presence, StateOrigin
from agent.mqtt.queues import Outbox, OutgoingMessage
from agent.text.foreign_text import shortened
from agent.text.sentences import Sentence
from avatar.motion import ConversationState
from speech.events import Transcript

if TYPE_CHECKING:
    from aiomqtt import Client


class Outgoing:
    """Keeps what waits for a connection, and sends it while there is one.

    Args:
        topic: gives the full topic of a name such as "state".
    """

    def __init__(self, topic: Callable[[str], str]) -> None:
        self._topic = topic
        self._outbox = Outbox()
        self._dropped_reported = 0
        self._state = ConversationState.IDLE
        self._turn = 0
        self._presence = Presence()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending: asyncio.Task[None] | None = None
        self._motion: bytes | None = None
        self._motion_came = asyncio.Event()

    # ---- from the conversation

    def put(self, event: Event) -> None:
        """Takes what happens in the conversation. Called on the event loop; never waits."""
        match event:
            case StateChanged(state) if state is not self._state:
                self._state = state
                self.put_state()
            case Transcript():
                interim = not event.is_final
                self._put("transcript", messages.transcript(event), qos=0 if interim else 1, is_interim=interim)
            case Sentence():
                self._put("reply", messages.sentence(self._turn, event))
            case TurnFinished(record):
                self._put("reply", messages.finished(record))
                self._turn = record.turn.id + 1
            case AnswerPaused(is_paused):
                what = "paused" if is_paused else "resumed"
                self.put_notice(what, f"the answer is {what}" if is_paused else "it goes on, or is over")
            case Problem(message):
                self.put_notice("problem", message)
            case AttentionChanged(is_awake, call):
                self.put_notice("awake" if is_awake else "asleep", f"call: {call}")
            case RequestDropped(request, why):
                self.put_notice("not_said", f"{shortened(request.text, 60)}: {why}")

    def put_state(self) -> None:
        """What the avatar does now."""
        self._outbox.put(self._state_message())

    def put_notice(self, kind: str, message: str) -> None:
        """A message of the topic "event"."""
        self._put("event", messages.notice(kind, message))

    def put_motion(self, payload: bytes) -> None:
        """Takes one frame's motion, without waiting: only the newest is kept, and none before there is a connection.

        Called from the rendering thread.
        """
        self._motion = payload
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended before the renderer did
                self._loop.call_soon_threadsafe(self._motion_came.set)

    def _put(self, name: str, payload: bytes, qos: int = 1, is_interim: bool = False) -> None:
        self._outbox.put(OutgoingMessage(self._topic(name), payload, qos, is_interim=is_interim))

    def _state_message(self) -> OutgoingMessage:
        return OutgoingMessage(self._topic("state"), self._state.encode(), retain=True)

    # ---- to the broker

    async def begin(self, client: Client) -> None:
        """A new connection, which gets the state first."""
        self._loop = asyncio.get_running_loop()
        self._outbox.remove_topic(self._topic("state"))
        self._sending = self._motion = None
        self._presence = Presence()
        await _publish(client, self._state_message())

    async def report_dropped(self, client: Client) -> None:
        """Tells how many messages found no room since that was told last."""
        dropped = self._outbox.dropped
        if dropped > self._dropped_reported:
            message = f"{dropped - self._dropped_reported} messages were too many to keep for the broker"
            await client.publish(self._topic("event"), messages.notice("dropped", message), qos=1)
            self._dropped_reported = dropped

    async def send_messages(self, client: Client) -> None:
        """Sends what waits, and what comes, in order; never ends."""
        while True:
            message = await self._outbox.first()
            # Once begun it is finished, even if this task is cancelled: or the message would go out twice.
            self._sending = asyncio.create_task(self._deliver(client, message), name="mqtt sending")
            await asyncio.shield(self._sending)

    async def _deliver(self, client: Client, message: OutgoingMessage) -> None:
        if message.retain:
            self._presence.expect_echo(message.payload)
        await _publish(client, message)
        self._outbox.remove(message)

    async def send_motion(self, client: Client) -> None:
        """Sends the newest motion, each once; never ends."""
        topic, sent = self._topic("motion"), None
        while True:
            await self._motion_came.wait()
            self._motion_came.clear()
            payload = self._motion
            # The call that a motion comes with may be seen only after the motion itself was taken: then it comes again.
            if payload is not None and payload is not sent:
                sent = payload
                # Waits until the socket has taken it, so that frames never pile up behind a slow network.
                await client.publish(topic, payload)
                raise_if_cancelled()

    async def finish(self, client: Client) -> None:
        """The last messages, then "offline"; in bounded time, and in vain where the connection is broken."""
        from aiomqtt import MqttError

        with suppress(MqttError, TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                if self._sending is not None:
                    await self._sending
                while len(self._outbox):
                    await self._deliver(client, await self._outbox.first())
        with suppress(MqttError, TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                await client.publish(self._topic("state"), OFFLINE, qos=1, retain=True)

    def origin_of(self, state: bytes, retained: bool) -> StateOrigin:
        """Whose a message on the state topic is."""
        return self._presence.classify(state, retained)


async def _publish(client: Client, message: OutgoingMessage) -> None:
    await client.publish(message.topic, message.payload, message.qos, message.retain)
