"""What a turn detector is: it says when somebody begins to speak, pauses, and has finished."""

from __future__ import annotations

from typing import Protocol

from speech.audio import AudioChunk
from speech.events import Transcript, VoiceEvent

PRE_ROLL_S = 0.3
"""Seconds of sound before `SpeechStarted.at_s` that a recogniser should get as well: soft first consonants and a little
room tone lie there."""

JUDGED_AT_S = 0.19
"""Silence after which the sound is judged: it belongs to what is judged, and the words are being decoded meanwhile."""

WORDS_MISS_S = 0.1
"""Words hold for all that was said if their sound ends at most this much before the last voice: the recogniser and the
turn detector find that each by itself."""


class TurnDetector(Protocol):
    """Finds the turns of speech in one stream of sound; called from one thread at a time."""

    def push(
        self, chunk: AudioChunk, min_speech_s: float | None = None, words: Transcript | None = None
    ) -> list[VoiceEvent]:
        """Listens to the next chunk of the stream, of any rate and length.

        Args:
            chunk: lost samples (it does not begin where the last one ended) count as silence of that length.
            min_speech_s: seconds of voice that make an onset a turn just now; None for what it was made with.
            words: what was understood of the open turn so far, with its place on this stream; they may come late, or
                never: nothing waits for them.

        Returns:
            What became certain with this chunk, in order.
        """
        ...

    def flush(self) -> list[VoiceEvent]:
        """The input ended: judges what is left of it and ends an open turn. The next chunk begins a new stream."""
        ...
