"""Where a conversation's sound comes from and goes to: a sound card, a WebRTC peer, recordings, nowhere.

    async with audio.open(stage) as heard:  # the voice track is played from here on
        async for item in heard:  # what the user says, as it comes
            ...

All of them are one to the conversation.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from agent.conversation.events import (
    EchoMeasured,
    RecordingEnded,
    TalkKey,
    TypedText,
    UserLeft,
    UserPaused,
    UserStopped,
)
from agent.conversation.floor import Floor
from avatar.clock import AudioClock, Player
from speech.audio import AudioChunk
from speech.sound_track import SoundTrack


@dataclass(frozen=True, slots=True)
class UserSound:
    """The next sound of the user, without the avatar's echo in it.

    Attributes:
        words: what the recogniser is to understand: the user nearly whole, some echo may be left.
        voice: what tells whether the user speaks: surely no echo, some of the user may be missing. The same place in
            the stream.
        may_be_echo: what sounds in `voice` may still be left of one; see `speech.echo.base.CleanSound`.
    """

    words: AudioChunk
    voice: AudioChunk
    may_be_echo: bool = False

    @classmethod
    def of(cls, chunk: AudioChunk) -> UserSound:
        """Sound that never had an echo in it."""
        return cls(chunk, chunk)


Heard = UserSound | EchoMeasured | TalkKey | TypedText | RecordingEnded | UserPaused | UserStopped | UserLeft
"""What comes from the user, in the order in which it happened, and what was measured of it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a conversation shows of itself to its sound.

    Attributes:
        voice: what the avatar says: taken from here for playing (`SoundTrack.take` or `attach_player`).
        user: what the user says, as far as the face is to listen to it and outputs are to have it.
        clock: the samples played so far.
        floor: whose turn it is to speak.
    """

    voice: SoundTrack
    user: SoundTrack
    clock: AudioClock
    floor: Floor


class AudioIO(Protocol):
    """The sound of one conversation, both ways. It is used once."""

    @property
    def real_time(self) -> bool:
        """Whether sound comes and is played at the pace at which it is spoken; else as fast as the parts can."""
        ...

    @property
    def hears(self) -> bool:
        """Whether any sound may come in; else nothing is loaded that would understand it."""
        ...

    @property
    def player(self) -> Player | None:
        """Tells when each sample of the voice track is heard; None where nobody plays it but the outputs."""
        ...

    def open(self, stage: Stage) -> AbstractAsyncContextManager[AsyncGenerator[Heard, None]]:
        """Plays the stage's voice track until the context ends, and gives what is heard; that ends with the user.

        Nothing of the avatar's own voice may be in what is heard: who can't take it out gives nothing while it speaks.
        """
        ...
