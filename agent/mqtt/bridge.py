"""The bridge to an MQTT broker: robots and homes send commands to the face, and receive what it does.

Three tasks serve a connection: `mqtt in` handles commands, `mqtt out` sends what waits in the outbox, `mqtt motion`
sends the newest frame of motion. When the connection breaks, all three end and the next attempt begins.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.config.device_sections import MqttSection
from agent.conversation.events import Event, Problem
from agent.log.lines import Foreign, log_event
from agent.mqtt.commands import Conversation, Refusal, obey
from agent.mqtt.connection import Backoff, Broker, ConnectionFailed, Failure, raise_if_cancelled
from agent.mqtt.messages import Command
from agent.mqtt.notices import Notices
from agent.mqtt.outgoing import Outgoing
from agent.mqtt.presence import StateOrigin

if TYPE_CHECKING:
    from aiomqtt import Client
    from paho.mqtt.reasoncodes import ReasonCode

_LOG = logging.getLogger(__name__)

STABLE_S = 10.0
"""A connection that held so long is good: the next failure is a new one."""


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
        self._broker = Broker(settings, self._commands_dropped)
        self._on_problem = on_problem
        self._outgoing = Outgoing(self._broker.topic)
        self._down: Failure | None = None
        self._reached = False
        self._breaks = 0
        self._forbidden: list[str] = []
        self._notices = Notices(self._publish_notice)
        self._met_another = False

    def on_event(self, event: Event) -> None:
        """Publishes what happens in the conversation. Called on the event loop; never waits."""
        if not isinstance(event, MqttProblem):
            self._outgoing.put(event)

    def publish_motion(self, payload: bytes) -> None:
        """Publishes one frame's motion, if it is the newest once there is time; from any thread, without waiting."""
        self._outgoing.put_motion(payload)

    async def run(self, conversation: Conversation) -> None:
        """Serves the conversation until it is cancelled; whatever the broker does, it goes on trying."""
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
            self._reached, self._met_another = True, False
            log_event(_LOG, "mqtt_up", broker=self._broker.address)
            try:
                await self._outgoing.begin(client)
                await self._subscribe(client)
                await self._outgoing.report_dropped(client)
                if self._breaks < 2:
                    self._report_connected()
                raise_if_cancelled()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._mark_stable(backoff), name="mqtt settling")
                    tasks.create_task(self._receive(client, conversation), name="mqtt in")
                    tasks.create_task(self._outgoing.send_messages(client), name="mqtt out")
                    tasks.create_task(self._outgoing.send_motion(client), name="mqtt motion")
            finally:
                await self._outgoing.finish(client)

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
            if message.topic.value == self._broker.topic("state"):
                self._check_presence(bytes(message.payload), message.retain)
            elif (refusal := obey(message, self._broker.topic(""), conversation)) is not None:
                self._refuse(refusal)

    def _check_presence(self, state: bytes, retained: bool) -> None:
        """Says that we live where somebody says otherwise, and once a connection that somebody else lives here too."""
        heard = self._outgoing.origin_of(state, retained)
        if heard is StateOrigin.OURS or (heard is StateOrigin.ANOTHER and self._met_another):
            return
        if heard is StateOrigin.ANOTHER:
            self._met_another = True
            why = "and obeys the same commands; give one of the two another mqtt.base_topic"
            self._refuse(Refusal("conflict", f"another program publishes to {self._broker.topic('state')}, {why}"))
        self._outgoing.put_state()  # by which the other learns of us

    def _commands_dropped(self) -> None:
        self._refuse(Refusal("dropped", "more commands came than could be handled"))

    def _refuse(self, refusal: Refusal) -> None:
        """Reports what was not obeyed: an event, and a line for the user where it is to be shown."""
        self._notices.add(refusal.kind, refusal.message, refusal.is_shown)

    def _publish_notice(self, kind: str, message: str, show: bool) -> None:
        log_event(_LOG, "mqtt_refused", level=logging.WARNING, kind=kind, message=Foreign(message))
        self._outgoing.put_notice(kind, message)
        if show:
            self._on_problem(MqttProblem(f"mqtt: {message}"))


def _is_refusal(code: int | ReasonCode) -> bool:
    """The answer to a subscription."""
    return (code if isinstance(code, int) else code.value) >= 128
