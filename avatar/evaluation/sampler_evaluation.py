"""The evaluation of a sampler: held-out speech, every state, commands."""

from __future__ import annotations

import hashlib

from avatar.evaluation.behaviour_sections import (
    Behaved,
    behaviour_section,
    command_section,
    nod_section,
    same_seed_section,
)
from avatar.evaluation.curves import aperture
from avatar.evaluation.driving import drive, silence
from avatar.evaluation.held_out_section import held_out_section
from avatar.evaluation.listener import nods
from avatar.evaluation.plan import SAMPLER, Plan
from avatar.evaluation.results import Evaluation
from avatar.evaluation.speech.held_out import NATURAL, HeldOutSpeech, kind_of
from avatar.evaluation.speech.speech_track import (
    SAMPLES_PER_FRAME,
    SpeechTrack,
    envelope_motion,
    rule_motion,
    speech_and_silence,
)
from avatar.evaluation.speech_sections import (
    ENVELOPE,
    RULE,
    Clip,
    Target,
    agreement,
    mouth_and_sound,
    phoneme_sections,
    traces,
)
from avatar.motion import FRAME_RATE_HZ, ConversationState, Floats
from speech.audio import Samples

_SPEECHES, _SPEECH_S = 6, 8.0  # that are sampled with the same seed


def evaluate_sampler(plan: Plan, said: HeldOutSpeech) -> Evaluation:
    """Evaluates a sampler on held-out synthetic speech, in every state, and under commands.

    Args:
        plan: with `make`.
        said: what; every state lasts about as long.
    """
    assert plan.make is not None
    track, user = said.track, said.user
    rule = rule_motion(track)
    speaking = plan.sampled(track, "speaking", 0.02, 0.60, ConversationState.SPEAKING)
    motions = {**speaking, RULE: rule, ENVELOPE: envelope_motion(track)}
    clip = Clip("held-out speech", track, motions, Target(aperture(rule), plan.lips(rule).width_px))
    behaved = [
        Behaved(
            "speaking" if name == SAMPLER else f"speaking, {name}",
            values,
            ConversationState.SPEAKING if name == SAMPLER else None,
            plan.block_frames,
        )
        for name, values in speaking.items()
    ]
    with plan.stage("different speeches", 0.60, 0.65) as advance:
        fresh = []
        pieces = _speeches(track)
        for number, sound in enumerate(pieces):
            fresh.append(drive(plan.make(None), sound, ConversationState.SPEAKING))
            advance((number + 1) / len(pieces))
    heard = silence(user.frames / FRAME_RATE_HZ)
    states = (ConversationState.LISTENING, ConversationState.THINKING, ConversationState.IDLE)
    for number, state in enumerate(states):
        own_user = user.sound if state is ConversationState.LISTENING else None
        with plan.stage(state.value, 0.65 + 0.07 * number, 0.72 + 0.07 * number) as advance:
            values = drive(plan.make(None), heard, state, user=own_user, progress=advance)
        behaved.append(Behaved(state.value, values, state, plan.block_frames))
    with plan.stage("hearing nothing", 0.86, 0.93) as advance:
        alone = drive(plan.make(None), heard, ConversationState.LISTENING, progress=advance)
    speaks, _ = speech_and_silence(user.sound, user.frames)
    listened = next(b.values for b in behaved if b.state is ConversationState.LISTENING)
    with plan.stage("commands", 0.93, 0.99) as advance:
        commands = command_section(plan.make, advance)
    followers = [name for name in motions if name != RULE]
    sections = [
        held_out_section(track, speaking[SAMPLER], rule, plan.lips),
        *phoneme_sections([clip], plan.lips),
        agreement(
            "Mouth against the rule's", [clip], followers, plan.lips, "The rule: the targets of the training data."
        ),
        mouth_and_sound([clip], plan.block_frames),
        behaviour_section(behaved),
        *([same_seed_section(fresh)] if len(fresh) > 1 else []),
        nod_section(nods(listened, speaks), nods(alone, speaks)),
        commands,
        *plan.tower_sections([clip]),
    ]
    plan.progress(1.0, "")
    return Evaluation(
        "Motion sampler",
        _told(track, rule),
        sections,
        traces([clip], "the rule's"),
        {b.name: b.values for b in behaved},
    )


def _speeches(track: SpeechTrack) -> list[Samples]:
    """Stretches of the track, from the beginning of a text on, that don't overlap."""
    length = round(_SPEECH_S * FRAME_RATE_HZ)
    starts: list[int] = []
    for part in track.parts:
        if (not starts or part.first_frame >= starts[-1] + length) and part.first_frame + length <= track.frames:
            starts.append(part.first_frame)
    samples = [(SAMPLES_PER_FRAME * start, SAMPLES_PER_FRAME * (start + length)) for start in starts[:_SPEECHES]]
    return [track.sound[first:stop] for first, stop in samples]


def _told(track: SpeechTrack, rule: Floats) -> dict[str, str]:
    """What was said and what the rule makes of it, so that another evaluation can tell whether it is alike."""
    voices = sorted({part.voice for part in track.parts})
    told = {
        "speech": f"{track.frames / FRAME_RATE_HZ / 60.0:.1f} minutes, {_checksum(track.sound)}",
        "voices": ", ".join(voices),
        "rule": _checksum(rule.round(3)),
    }
    if not any(kind_of(voice) == NATURAL for voice in voices):
        told["natural voices"] = "none installed (`make training` installs them): robots only"
    return told


def _checksum(values: Floats) -> str:
    return hashlib.sha256(values.tobytes()).hexdigest()[:8]
