"""The bridge to an MQTT broker: robots and homes tell the face what to do, and are told what it does.

Three tasks serve a connection: `mqtt in` handles commands, `mqtt out` sends what waits in the outbox, `mqtt motion`
sends the newest frame of motion. When the connection breaks, all three end and the next attempt begins.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from agent import mqtt_messages as messages
from agent.config_sections import MqttSection
from agent.events import Event, Problem, Say, StateChanged, TurnFinished, TypedText
from agent.mqtt_connection import CLOSING_S, Backoff, Broker, ConnectionFailed, Failure
from agent.mqtt_messages import OFFLINE, Command, Look, SetComposure, SetDistance, ShowEmotion, Stop
from agent.mqtt_queues import Outbox, Outgoing
from agent.sentences import Sentence
from avatar.motion import Controls, ConversationState
from avatar.outputs.mqtt_motion import MqttMotionOutput
from speech.errors import InputError
from speech.events import Transcript

if TYPE_CHECKING:
    from aiomqtt import Client, Message
    from paho.mqtt.reasoncodes import ReasonCode

STABLE_S = 10.0
"""A connection that held so long was good: the next failure is a new one."""

NOTICES = 5
NOTICE_WINDOW_S = 10.0
"""More notices of one kind than this, in so many seconds, are counted instead of sent: a flood stays readable."""


class Conversation(Protocol):
    """What the bridge does to a conversation; all of it is called on the event loop and never waits."""

    @property
    def controls(self) -> Controls:
        """What is asked of the face now."""
        ...

    def set_controls(self, controls: Controls) -> None:
        """Asks something else of it."""
        ...

    def say(self, text: str) -> bool:
        """Speaks a text as it is; False when too many wait already."""
        ...

    def ask(self, text: str) -> bool:
        """Answers a question; False when too many wait already."""
        ...

    def interrupt(self) -> None:
        """Falls silent now."""
        ...


@dataclass(frozen=True, slots=True)
class MqttProblem(Problem):
    """A problem of the bridge's own, which it has published already where it can."""


class MqttBridge:
    """Connects one conversation with one broker.

    Args:
        settings: the [mqtt] section, with a host.
        on_problem: called on the event loop with what the user should read; `tell` ignores these when they come back.

    Raises:
        InputError: aiomqtt is not installed, a setting can't be right, or the password is not there.
    """

    def __init__(self, settings: MqttSection, on_problem: Callable[[Problem], None]) -> None:
        self._broker = Broker(settings, lambda: self._refuse("dropped", "more commands came than could be handled"))
        self._settings, self._on_problem = settings, on_problem
        self._outbox = Outbox()
        self._state = ConversationState.IDLE
        self._turn = 0
        self._down: Failure | None = None
        self._forbidden: list[str] = []
        self._recent: dict[str, deque[float]] = {}
        self._suppressed: dict[str, int] = {}
        self._dropped_told = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending: asyncio.Task[None] | None = None
        self._motion: bytes | None = None
        self._motion_came = asyncio.Event()

    def motion_output(self) -> MqttMotionOutput | None:
        """The output to give to the renderer; None where motion is not to be published."""
        return MqttMotionOutput(self._take_motion) if self._settings.motion else None

    def tell(self, event: Event) -> None:
        """Passes on what happens in the conversation. Called on the event loop; never waits."""
        match event:
            case StateChanged(state) if state is not self._state:
                self._state = state
                self._outbox.put(self._state_message(state))
            case Transcript():
                guess = not event.is_final
                self._send("transcript", messages.transcript(event), qos=0 if guess else 1, is_guess=guess)
            case Sentence():
                self._send("reply", messages.sentence(self._turn, event))
            case TurnFinished(record):
                self._send("reply", messages.finished(record))
                self._turn = record.turn.id + 1
            case Problem(message) if not isinstance(event, MqttProblem):
                self._send("event", messages.notice("problem", message))

    async def run(self, conversation: Conversation) -> None:
        """Serves the conversation until it is cancelled; whatever the broker does, it goes on trying."""
        self._loop = asyncio.get_running_loop()
        backoff = Backoff()
        while True:
            began_s = self._loop.time()
            try:
                await self._connection(conversation)
            except ConnectionFailed as failed:
                if failed.failure is not self._down:
                    self._on_problem(MqttProblem(str(failed)))
                self._down = failed.failure
                if self._loop.time() - began_s > STABLE_S:
                    backoff.reset()
                await asyncio.sleep(backoff.next_s(failed.failure))

    async def _connection(self, conversation: Conversation) -> None:
        """One connection in a task of its own: one that breaks while it is cancelled must not hide that from us."""
        serving = asyncio.create_task(self._serve(conversation), name="mqtt connection")
        try:
            await asyncio.wait({serving})
        except asyncio.CancelledError:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            raise
        serving.result()

    async def _serve(self, conversation: Conversation) -> None:
        """Connects, and serves until the connection breaks."""
        async with self._broker.connected() as client:
            self._outbox.forget(self._broker.topic("state"))
            self._sending = self._motion = None
            try:
                await _publish(client, self._state_message(self._state))
                await self._subscribe(client)
                await self._tell_of_dropped(client)
                if self._down is not None:
                    self._on_problem(MqttProblem(f"mqtt: connected to the broker at {self._broker.address}"))
                self._down = None
                _raise_if_cancelled()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._receive(client, conversation), name="mqtt in")
                    tasks.create_task(self._send_all(client), name="mqtt out")
                    tasks.create_task(self._send_motion(client), name="mqtt motion")
            finally:
                await self._say_goodbye(client)

    async def _subscribe(self, client: Client) -> None:
        # Our own state too: when someone reports us dead who is wrong, we say that we live.
        topics = [self._broker.topic(name) for name in (*Command, "state")]
        granted: Sequence[int | ReasonCode] = await client.subscribe([(topic, 1) for topic in topics])
        forbidden = [topic for topic, code in zip(topics, granted, strict=True) if _is_refusal(code)]
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

    async def _deliver(self, client: Client, message: Outgoing) -> None:
        await _publish(client, message)
        self._outbox.remove(message)

    async def _send_motion(self, client: Client) -> None:
        topic = self._broker.topic("motion")
        while True:
            await self._motion_came.wait()
            self._motion_came.clear()
            if (payload := self._motion) is not None:
                # Waits until the socket has taken it, so that frames never pile up behind a slow network.
                await client.publish(topic, payload)
                _raise_if_cancelled()

    async def _say_goodbye(self, client: Client) -> None:
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
            if payload == OFFLINE.encode():
                self._outbox.put(self._state_message(self._state))
            return
        if message.retain and name in (Command.SAY, Command.ASK, Command.STOP):
            why = "ignored, because it is retained and would be repeated at every connection; publish without retain"
            self._refuse("retained", f"{topic}: {why}", show=False)
            return
        try:
            command = messages.parse(Command(name), payload)
        except InputError as error:
            self._refuse("bad_message", f"{topic}: {error}")
            return
        taken = True
        match command:
            case Say(text):
                taken = conversation.say(text)
            case TypedText(text):
                taken = conversation.ask(text)
            case Stop():
                conversation.interrupt()
            case ShowEmotion(emotion, intensity):
                conversation.set_controls(replace(conversation.controls, emotion=emotion, intensity=intensity))
            case Look(gaze):
                conversation.set_controls(replace(conversation.controls, gaze=gaze))
            case SetDistance(ratio):
                conversation.set_controls(replace(conversation.controls, head_distance=ratio))
            case SetComposure(composure):
                conversation.set_controls(replace(conversation.controls, composure=composure))
        if not taken:
            self._refuse("busy", f"{topic}: ignored, because too many wait already", show=False)

    def _refuse(self, kind: str, message: str, *, show: bool = True) -> None:
        """Tells of a command that was not obeyed: an event, and a line for the user where it is to be shown."""
        now_s = asyncio.get_running_loop().time()
        recent = self._recent.setdefault(kind, deque(maxlen=NOTICES))
        if len(recent) == NOTICES and now_s - recent[0] < NOTICE_WINDOW_S:
            self._suppressed[kind] = self._suppressed.get(kind, 0) + 1
            return
        recent.append(now_s)
        if suppressed := self._suppressed.pop(kind, 0):
            message += f" (and {suppressed} more like this before)"
        self._send("event", messages.notice(kind, message))
        if show:
            self._on_problem(MqttProblem(f"mqtt: {message}"))

    async def _tell_of_dropped(self, client: Client) -> None:
        dropped = self._outbox.dropped
        if dropped > self._dropped_told:
            told = f"{dropped - self._dropped_told} messages were too many to keep for the broker"
            await client.publish(self._broker.topic("event"), messages.notice("dropped", told), qos=1)
            self._dropped_told = dropped

    def _send(self, name: str, payload: bytes, qos: int = 1, is_guess: bool = False) -> None:
        self._outbox.put(Outgoing(self._broker.topic(name), payload, qos, is_guess=is_guess))

    def _state_message(self, state: ConversationState) -> Outgoing:
        return Outgoing(self._broker.topic("state"), state.encode(), retain=True)

    def _take_motion(self, payload: bytes) -> None:
        """Called from the rendering thread: only the newest frame is kept, and none before there is a connection."""
        self._motion = payload
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended before the renderer did
                self._loop.call_soon_threadsafe(self._motion_came.set)


async def _publish(client: Client, message: Outgoing) -> None:
    await client.publish(message.topic, message.payload, message.qos, message.retain)


def _raise_if_cancelled() -> None:
    """Before Python 3.12 `asyncio.wait_for`, which aiomqtt uses, loses a cancellation that comes with the answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _is_refusal(code: int | ReasonCode) -> bool:
    """The answer to a subscription."""
    return (code if isinstance(code, int) else code.value) >= 128
