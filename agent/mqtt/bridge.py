"""The bridge to an MQTT broker: robots and homes send commands to the face, and receive what it does.

Three tasks serve a connection: `mqtt in` handles commands, `mqtt out` sends what waits in the outbox, `mqtt motion`
sends the newest frame of motion. When the connection breaks, all three end and the next attempt begins.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from agent.config.device_sections import MqttSection
from agent.conversation.events import (
    AnswerPaused,
    AttentionChanged,
    Event,
    Problem,
    RequestDropped,
    Say,
    StateChanged,
    TurnFinished,
    TypedText,
)
from agent.log.lines import Foreign, log_event
from agent.mqtt import messages
from agent.mqtt.connection import CLOSING_S, Backoff, Broker, ConnectionFailed, Failure
from agent.mqtt.messages import OFFLINE, Command, Hold, Look, Resume, SetComposure, SetDistance, ShowEmotion, Stop
from agent.mqtt.notices import Notices
from agent.mqtt.presence import Presence, StateOrigin
from agent.mqtt.queues import Outbox, OutgoingMessage
from agent.text.foreign_text import shortened
from agent.text.sentences import Sentence
from avatar.motion import Controls, ConversationState
from speech.errors import InputError
from speech.events import Transcript

if TYPE_CHECKING:
    from aiomqtt import Client, Message
    from paho.mqtt.reasoncodes import ReasonCode

_LOG = logging.getLogger(__name__)

STABLE_S = 10.0
"""A connection that held so long is good: the next failure is a new one."""


class Conversation(Protocol):
    """What the bridge does to a conversation; all of it is called on the event loop and never waits."""

    @property
    def controls(self) -> Controls:
        """The controls that the face follows now."""
        ...

    def set_controls(self, controls: Controls) -> None:
        """Replaces the controls from the next block of motion on."""
        ...

    def say(self, text: str) -> bool:
        """Speaks a text as it is; False when too many wait already."""
        ...

    def ask(self, text: str) -> bool:
        """Answers a question; False when too many wait already."""
        ...

    def interrupt(self) -> None:
        """Stops speaking at once."""
        ...

    def hold(self) -> bool:
        """Falls silent and keeps what was not heard; False where nothing is being said."""
        ...

    def resume(self) -> bool:
        """Goes on where it was held; False where it was not."""
        ...


@dataclass(frozen=True, slots=True)
class MqttProblem(Problem):
    """A problem of the bridge's own, which it has published already where it can."""


class MqttBridge:
    """Connects one conversation with one broker.

    Args:
        settings: the [mqtt] section, with a host.
        on_problem: called on the event loop with what the user should read; `on_event` ignores these when they return.

    Raises:
        InputError: aiomqtt is not installed, a setting can't be right, or the password is not there.
    """

    def __init__(self, settings: MqttSection, on_problem: Callable[[Problem], None]) -> None:
        self._broker = Broker(settings, lambda: self._reject("dropped", "more commands came than could be handled"))
        self._settings, self._on_problem = settings, on_problem
        self._outbox = Outbox()
        self._state = ConversationState.IDLE
        self._turn = 0
        self._down: Failure | None = None
        self._reached = False
        self._breaks = 0
        self._forbidden: list[str] = []
        self._notices = Notices(self._publish_notice)
        self._presence = Presence()
        self._met_another = False
        self._dropped_reported = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending: asyncio.Task[None] | None = None
        self._motion: bytes | None = None
        self._motion_came = asyncio.Event()

    def on_event(self, event: Event) -> None:
        """Publishes what happens in the conversation. Called on the event loop; never waits."""
        match event:
            case StateChanged(state) if state is not self._state:
                self._state = state
                self._outbox.put(self._state_message(state))
            case Transcript():
                interim = not event.is_final
                self._send("transcript", messages.transcript(event), qos=0 if interim else 1, is_interim=interim)
            case Sentence():
                self._send("reply", messages.sentence(self._turn, event))
            case TurnFinished(record):
                self._send("reply", messages.finished(record))
                self._turn = record.turn.id + 1
            case AnswerPaused(is_paused):
                what = "paused" if is_paused else "resumed"
                self._send(
                    "event", messages.notice(what, f"the answer is {what}" if is_paused else "it goes on, or is over")
                )
            case Problem(message) if not isinstance(event, MqttProblem):
                self._send("event", messages.notice("problem", message))
            case AttentionChanged(is_awake, call):
                self._send("event", messages.notice("awake" if is_awake else "asleep", f"call: {call}"))
            case RequestDropped(request, why):
                self._send("event", messages.notice("not_said", f"{shortened(request.text, 60)}: {why}"))

    async def run(self, conversation: Conversation) -> None:
        """Serves the conversation until it is cancelled; whatever the broker does, it goes on trying."""
        self._loop = asyncio.get_running_loop()
        backoff = Backoff()
        try:
            while True:
                try:
                    await self._connection(conversation, backoff)
                except ConnectionFailed as failed:
                    self._report_failure(failed)
                    await asyncio.sleep(backoff.next_s(failed.failure))
        finally:
            self._notices.close()

    def _report_failure(self, failed: ConnectionFailed) -> None:
        """Once of each kind, and of a connection that always breaks soon only that."""
        log_event(_LOG, "mqtt_down", level=logging.DEBUG, failure=str(failed.failure), message=Foreign(failed))
        self._breaks += self._reached
        if self._reached and self._breaks == 2:
            why = "breaks again and again; trying on, ever more slowly"
            self._on_problem(MqttProblem(f"mqtt: the connection to the broker at {self._broker.address} {why}"))
        elif failed.failure is not self._down:
            self._on_problem(MqttProblem(str(failed)))
        self._down, self._reached = failed.failure, False

    def _report_connected(self) -> None:
        if self._down is not None:
            self._on_problem(MqttProblem(f"mqtt: connected to the broker at {self._broker.address}"))
        self._down = None

    async def _mark_stable(self, backoff: Backoff) -> None:
        """The connection has held for long enough to be called good."""
        await asyncio.sleep(STABLE_S)
        self._breaks = 0
        backoff.reset()
        self._report_connected()

    async def _connection(self, conversation: Conversation, backoff: Backoff) -> None:
        """One connection in a task of its own: one that breaks while it is cancelled must not hide that from us."""
        serving = asyncio.create_task(self._serve(conversation, backoff), name="mqtt connection")
        try:
            await asyncio.wait({serving})
        except asyncio.CancelledError:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            raise
        serving.result()

    async def _serve(self, conversation: Conversation, backoff: Backoff) -> None:
        """Connects, and serves until the connection breaks."""
        async with self._broker.connected() as client:
            self._outbox.remove_topic(self._broker.topic("state"))
            self._sending = self._motion = None
            self._reached, self._met_another, self._presence = True, False, Presence()
            log_event(_LOG, "mqtt_up", broker=self._broker.address)
            try:
                await _publish(client, self._state_message(self._state))
                await self._subscribe(client)
                await self._report_dropped(client)
                if self._breaks < 2:
                    self._report_connected()
                _raise_if_cancelled()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._mark_stable(backoff), name="mqtt settling")
                    tasks.create_task(self._receive(client, conversation), name="mqtt in")
                    tasks.create_task(self._send_all(client), name="mqtt out")
                    tasks.create_task(self._send_motion(client), name="mqtt motion")
            finally:
                await self._disconnect(client)

    async def _subscribe(self, client: Client) -> None:
        # Our own state too: when someone reports us dead who is wrong, we say that we live.
        topics = [self._broker.topic(name) for name in (*Command, "state")]
        granted: Sequence[int | ReasonCode] = await client.subscribe([(topic, 1) for topic in topics])
        # A broker that leaves out codes is no reason to end: what it does not refuse may work.
        forbidden = [topic for topic, code in zip(topics, granted, strict=False) if _is_refusal(code)]
        if forbidden and forbidden != self._forbidden:
            why = "the broker's access list forbids it"
            self._on_problem(MqttProblem(f"mqtt: expected to be let read {', '.join(forbidden)}; {why}"))
        self._forbidden = forbidden

    async def _receive(self, client: Client, conversation: Conversation) -> None:
        async for message in client.messages:
            self._handle(message, conversation)

    async def _send_all(self, client: Client) -> None:
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

    async def _send_motion(self, client: Client) -> None:
        topic, sent = self._broker.topic("motion"), None
        while True:
            await self._motion_came.wait()
            self._motion_came.clear()
            payload = self._motion
            # The call that a motion comes with may be seen only after the motion itself was taken: then it comes again.
            if payload is not None and payload is not sent:
                sent = payload
                # Waits until the socket has taken it, so that frames never pile up behind a slow network.
                await client.publish(topic, payload)
                _raise_if_cancelled()

    async def _disconnect(self, client: Client) -> None:
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
                await client.publish(self._broker.topic("state"), OFFLINE, qos=1, retain=True)

    def _handle(self, message: Message, conversation: Conversation) -> None:
        topic, payload = message.topic.value, bytes(message.payload)
        name = topic.removeprefix(self._broker.topic(""))
        if name == "state":
            self._check_presence(payload, message.retain)
            return
        if name not in set(Command):
            self._reject("bad_message", f"expected the topics of docs/mqtt.md, got '{shortened(topic, 60)}'")
            return
        if message.retain and name in (Command.SAY, Command.ASK, Command.STOP, Command.HOLD, Command.RESUME):
            why = "ignored, because it is retained and would be repeated at every connection; publish without retain"
            self._reject("retained", f"{topic}: {why}", show=False)
            return
        try:
            command = messages.parse(Command(name), payload)
        except InputError as error:
            self._reject("bad_message", f"{topic}: {error}")
            return
        taken = True
        match command:
            case Say(text):
                taken = conversation.say(text)
            case TypedText(text):
                taken = conversation.ask(text)
            case Stop():
                conversation.interrupt()
            case Hold():
                conversation.hold()  # where nothing is being said there is nothing to hold
            case Resume():
                conversation.resume()
            case ShowEmotion(emotion, intensity):
                conversation.set_controls(replace(conversation.controls, emotion=emotion, intensity=intensity))
            case Look(gaze):
                conversation.set_controls(replace(conversation.controls, gaze=gaze))
            case SetDistance(ratio):
                conversation.set_controls(replace(conversation.controls, head_distance=ratio))
            case SetComposure(composure):
                conversation.set_controls(replace(conversation.controls, composure=composure))
        if not taken:
            self._reject("busy", f"{topic}: ignored, because too many wait already", show=False)

    def _check_presence(self, state: bytes, retained: bool) -> None:
        """Says that we live where somebody says otherwise, and once a connection that somebody else lives here too."""
        heard = self._presence.classify(state, retained)
        if heard is StateOrigin.OURS or (heard is StateOrigin.ANOTHER and self._met_another):
            return
        if heard is StateOrigin.ANOTHER:
            self._met_another = True
            why = "and obeys the same commands; give one of the two another mqtt.base_topic"
            self._reject("conflict", f"another program publishes to {self._broker.topic('state')}, {why}")
        self._outbox.put(self._state_message(self._state))  # by which the other learns of us

    def _reject(self, kind: str, message: str, *, show: bool = True) -> None:
        """Reports a command that was not obeyed: an event, and a line for the user where it is to be shown."""
        self._notices.add(kind, message, show)

    def _publish_notice(self, kind: str, message: str, show: bool) -> None:
        log_event(_LOG, "mqtt_refused", level=logging.WARNING, kind=kind, message=Foreign(message))
        self._send("event", messages.notice(kind, message))
        if show:
            self._on_problem(MqttProblem(f"mqtt: {message}"))

    async def _report_dropped(self, client: Client) -> None:
        dropped = self._outbox.dropped
        if dropped > self._dropped_reported:
            message = f"{dropped - self._dropped_reported} messages were too many to keep for the broker"
            await client.publish(self._broker.topic("event"), messages.notice("dropped", message), qos=1)
            self._dropped_reported = dropped

    def _send(self, name: str, payload: bytes, qos: int = 1, is_interim: bool = False) -> None:
        self._outbox.put(OutgoingMessage(self._broker.topic(name), payload, qos, is_interim=is_interim))

    def _state_message(self, state: ConversationState) -> OutgoingMessage:
        return OutgoingMessage(self._broker.topic("state"), state.encode(), retain=True)

    def publish_motion(self, payload: bytes) -> None:
        """Takes one frame's motion, without waiting: only the newest is kept, and none before there is a connection.

        Called from the rendering thread.
        """
        self._motion = payload
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended before the renderer did
                self._loop.call_soon_threadsafe(self._motion_came.set)


async def _publish(client: Client, message: OutgoingMessage) -> None:
    await client.publish(message.topic, message.payload, message.qos, message.retain)


def _raise_if_cancelled() -> None:
    """Before Python 3.12 `asyncio.wait_for`, which aiomqtt uses, loses a cancellation that comes with the answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _is_refusal(code: int | ReasonCode) -> bool:
    """The answer to a subscription."""
    return (code if isinstance(code, int) else code.value) >= 128
