"""An observer: when each stage of a turn happened, measured where the sound is heard and the frames leave.

It also counts how the two of them shared the floor meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from agent.conversation.events import (
    EchoMeasured,
    Event,
    FillerSaid,
    RequestDropped,
    StateChanged,
    TurnFinished,
    UserWentOnAfterEnd,
    UtteranceDropped,
    VoiceCut,
    VoiceDucked,
    VoiceHeld,
    VoiceResumed,
)
from agent.conversation.turn import FloorFigures, TurnRecord
from avatar.clock import SAMPLES_PER_FRAME
from avatar.motion import LOOK_AHEAD_FRAMES, ConversationState, Floats
from avatar.renderer import FrameShown

MOUTH_MOVED = 0.06
"""A mouth has moved when its coefficients differ this much (Euclidean) from what they were before the reply."""

MISSED_S = 0.75
"""A voice of half a second has ducked the avatar for so long: that it is gone is known a quarter second later."""


class LatencyObserver:
    """Marks the current turn's record; nothing depends on it but those who read that.

    Args:
        on_event: called with what is told, and when the first audible sample of a reply has gone out.
    """

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._floor = FloorFigures()  # of the turn that is not over yet, or of the next one
        self._is_held = self._is_held_for_voice = False
        self._ducked_since_s = 0.0
        self._record: TurnRecord | None = None
        self._reply_start: int | None = None
        self._mouth_before: Floats | None = None

    def turn_began(self, record: TurnRecord, waited_s: float) -> None:
        """The end of the user's turn is decided now; their last sample was `waited_s` ago."""
        self._record, self._reply_start = record, None
        record.floor = self._floor
        now = asyncio.get_running_loop().time()
        record.mark("speech_end", now - waited_s)
        record.mark("turn_end", now)

    def reply_begins(self, start_sample: int | None) -> None:
        """The reply's first sound was written at this place of the output; None while it is held back."""
        self._reply_start = start_sample

    def frame_shown(self, shown: FrameShown) -> None:
        """Takes the renderer's report of every frame."""
        record = self._record
        if record is None or ("first_audio" in record.at_s and "first_moving_mouth" in record.at_s):
            return
        sampled_with_reply = (shown.frame + 1 + LOOK_AHEAD_FRAMES) * SAMPLES_PER_FRAME
        if self._reply_start is None or self._mouth_before is None or sampled_with_reply <= self._reply_start:
            self._mouth_before = shown.mouth
            return
        audible = shown.first_audible_sample  # that of a filler before the reply does not count
        if audible is not None and audible >= self._reply_start and "first_audio" not in record.at_s:
            record.mark("first_audio", shown.at_s)
            self._on_event(StateChanged(ConversationState.SPEAKING))
        if float(np.linalg.norm(shown.mouth - self._mouth_before)) > MOUTH_MOVED:
            record.mark("first_moving_mouth", shown.at_s)

    def take(self, event: Event) -> None:
        """Sees what happens in the session, and passes it on."""
        self._count(event)
        if isinstance(event, TurnFinished):
            self._floor = FloorFigures()
        self._on_event(event)

    def _count(self, event: Event) -> None:
        floor = self._floor
        match event:
            case VoiceDucked(onset_s, at_s):
                floor.to_duck_s.append(at_s - onset_s)
                self._ducked_since_s = onset_s
            case VoiceHeld(at_s, onset_s):
                floor.holds += 1
                self._fell_silent(at_s, onset_s)
                self._is_held, self._is_held_for_voice = True, onset_s is not None
            case VoiceResumed(at_s, was_held, was_asked):
                floor.missed_stops += not was_held and at_s - self._ducked_since_s > MISSED_S
                floor.false_stops += was_held and self._is_held_for_voice and not was_asked
                self._is_held = False
            case VoiceCut(at_s, onset_s):
                self._fell_silent(at_s, onset_s)
                self._is_held = False
            case UserWentOnAfterEnd(_, was_heard):
                floor.turns_resumed += 1
                floor.cut_ins += was_heard
            case FillerSaid(_, kind):
                floor.fillers += kind == "filler"
                floor.backchannels += kind == "backchannel"
            case UtteranceDropped() | RequestDropped():
                floor.dropped += 1
            case EchoMeasured(level_db, erle_db, double_talk_s):
                floor.echo_reports += 1
                floor.echo_sum_db += level_db
                floor.erle_sum_db += erle_db
                floor.double_talk_s += double_talk_s

    def _fell_silent(self, at_s: float, onset_s: float | None) -> None:
        if onset_s is not None and not self._is_held:  # a cut after a hold has been silent since
            self._floor.to_silence_s.append(at_s - onset_s)
