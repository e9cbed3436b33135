"""What comes from the broker: each command is done to the conversation, or refused in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from agent.conversation.events import Say, TypedText
from agent.mqtt.messages import (
    Command,
    Hold,
    Instruction,
    Look,
    Resume,
    SetComposure,
    SetDistance,
    ShowEmotion,
    Stop,
    parse,
)
from agent.text.foreign_text import shortened
from avatar.motion import Controls
from speech.errors import InputError

if TYPE_CHECKING:
    from aiomqtt import Message

_DONE_ONCE = (Command.SAY, Command.ASK, Command.STOP, Command.HOLD, Command.RESUME)


class Conversation(Protocol):
    """What commands do to a conversation; all of it is called on the event loop and never waits."""

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
class Refusal:
    """A command that was not obeyed.

    Attributes:
        kind: as docs/mqtt.md lists them.
        message: why, in one line.
        is_shown: whether the user at this machine reads it too.
    """

    kind: str
    message: str
    is_shown: bool = True


def obey(message: Message, base: str, conversation: Conversation) -> Refusal | None:
    """Does what a message asks for.

    Args:
        message: as it came.
        base: what its topic begins with, the slash included.
        conversation: to which it is done.

    Returns:
        Why it was not; None where it was.
    """
    topic, payload = message.topic.value, bytes(message.payload)
    name = topic.removeprefix(base)
    if name not in set(Command):
        return Refusal("bad_message", f"expected the topics of docs/mqtt.md, got '{shortened(topic, 60)}'")
    if message.retain and name in _DONE_ONCE:
        why = "ignored, because it is retained and would be repeated at every connection; publish without retain"
        return Refusal("retained", f"{topic}: {why}", is_shown=False)
    try:
        instruction = parse(Command(name), payload)
    except InputError as error:
        return Refusal("bad_message", f"{topic}: {error}")
    if not _is_taken(instruction, conversation):
        return Refusal("busy", f"{topic}: ignored, because too many wait already", is_shown=False)
    return None


def _is_taken(instruction: Instruction, conversation: Conversation) -> bool:
    match instruction:
        case Say(text):
            return conversation.say(text)
        case TypedText(text):
            return conversation.ask(text)
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
    return True
