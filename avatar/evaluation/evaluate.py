"""The whole evaluation: of a sampler on held-out speech and in every state, or of recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from avatar.decoder import FaceDecoder
from avatar.evaluation.behaviour_sections import (
    LEAST_S,
    Behaved,
    behaviour_section,
    command_section,
    nod_section,
)
from avatar.evaluation.curves import aperture
from avatar.evaluation.driving import MakeSampler, drive, silence
from avatar.evaluation.lips import LipGeometry, aperture_at_gap
from avatar.evaluation.listener import nods
from avatar.evaluation.people.movement import face_curves
from avatar.evaluation.people.side_by_side import side_by_side
from avatar.evaluation.people.tracked_face import TrackedFace, track_drawn, track_face
from avatar.evaluation.people_section import Pair, face_trace, people_sections
from avatar.evaluation.phonemes import CLOSED_GAP_PX
from avatar.evaluation.results import Evaluation, Section
from avatar.evaluation.speech.alignment import align
from avatar.evaluation.speech.recordings import EvaluatedRecording, check_lengths
from avatar.evaluation.speech.speech_track import (
    SAMPLES_PER_FRAME,
    SpeechTrack,
    SpokenPart,
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
    phonemes,
    traces,
)
from avatar.motion import FRAME_RATE_HZ, ConversationState, Floats
from avatar.picture.sheets import jpeg
from avatar.progress import Progress, ShareDone

SAMPLER, GIVEN = "sampler", "motion"
"""Columns: what the configured sampler makes, and a motion that was given."""

_USER_PAUSES_S = (0.8, 2.0)
_USER_SEED = 1_000_003  # the user says other sentences than the avatar


@dataclass(frozen=True, slots=True)
class Plan:
    """How to evaluate.

    Attributes:
        lips: of the portrait that motion is drawn on.
        make: makes fresh samplers; None where only given motion is looked at.
        baseline_steps: network evaluations a block of the second sampling; None for no second one.
        block_frames: frames of the sampler's blocks.
        towers: weights of trained towers to ask as well.
        draw: makes the decoder of the portrait; motion is then compared, as drawn, with the people in videos.
        sheets: whether to draw sheets of both, side by side.
        progress: called with the share done and a line about it.
    """

    lips: LipGeometry
    make: MakeSampler | None
    baseline_steps: int | None
    block_frames: int
    towers: Sequence[Path] = ()
    draw: Callable[[], FaceDecoder] | None = None
    sheets: bool = False
    progress: Progress = lambda done, note: None

    @contextmanager
    def stage(self, note: str, start: float, stop: float) -> Iterator[ShareDone]:
        """Reports the share done within one stage."""
        self.progress(start, note)
        yield lambda done: self.progress(start + (stop - start) * done, note)

    def sampled(
        self, track: SpeechTrack, note: str, start: float, stop: float, state: ConversationState
    ) -> dict[str, Floats]:
        """What the sampler makes of a recording, by column: as configured, and with more evaluations."""
        assert self.make is not None
        columns: dict[str, int | None] = {SAMPLER: None}
        if self.baseline_steps is not None:
            columns[f"{self.baseline_steps} steps"] = self.baseline_steps
        made = {}
        # A few evaluations take a tenth of the time of the many.
        edges = [start, stop] if len(columns) == 1 else [start, start + 0.15 * (stop - start), stop]
        for (column, steps), low, high in zip(columns.items(), edges, edges[1:], strict=False):
            with self.stage(f"{note}, {column}", low, high) as advance:
                made[column] = drive(self.make(steps), track.sound, state, progress=advance)
        return made


def evaluate_sampler(plan: Plan, *, minutes: float, seed: int) -> Evaluation:
    """Evaluates a sampler on held-out synthetic speech, in every state, and under commands.

    Args:
        plan: with `make`.
        minutes: of motion in each state.
        seed: of what is said; the sampler has a seed of its own.
    """
    from avatar.evaluation.speech.held_out import held_out_speech  # PyTorch comes with it

    assert plan.make is not None
    plan.progress(0.0, "held-out speech")
    track = held_out_speech(60.0 * minutes, seed)
    rule = rule_motion(track)
    speaking = plan.sampled(track, "speaking", 0.02, 0.65, ConversationState.SPEAKING)
    motions = {**speaking, RULE: rule, ENVELOPE: envelope_motion(track)}
    clip = Clip("held-out speech", track, motions, Target(aperture(rule), plan.lips(rule).width_px))
    behaved = [
        Behaved(
            "speaking" if name == SAMPLER else f"speaking, {name}",
            values,
            ConversationState.SPEAKING,
            plan.block_frames,
        )
        for name, values in speaking.items()
    ]
    user = held_out_speech(60.0 * minutes, seed + _USER_SEED, _USER_PAUSES_S)
    quiet = silence(60.0 * minutes)
    states = (ConversationState.LISTENING, ConversationState.THINKING, ConversationState.IDLE)
    for number, state in enumerate(states):
        hears = state is ConversationState.LISTENING
        sound = silence(user.frames / FRAME_RATE_HZ) if hears else quiet
        with plan.stage(state.value, 0.65 + 0.07 * number, 0.72 + 0.07 * number) as advance:
            values = drive(plan.make(None), sound, state, user=user.sound if hears else None, progress=advance)
        behaved.append(Behaved(state.value, values, state, plan.block_frames))
    with plan.stage("hearing nothing", 0.86, 0.93) as advance:
        alone = drive(
            plan.make(None), silence(user.frames / FRAME_RATE_HZ), ConversationState.LISTENING, progress=advance
        )
    speaks, _ = speech_and_silence(user.sound, user.frames)
    listened = next(b.values for b in behaved if b.state is ConversationState.LISTENING)
    with plan.stage("commands", 0.93, 0.99) as advance:
        commands = command_section(plan.make, advance)
    followers = [name for name in motions if name != RULE]
    sections = [
        *_phoneme_sections([clip], plan.lips),
        agreement(
            "Mouth against the rule's", [clip], followers, plan.lips, "The rule: the targets of the training data."
        ),
        mouth_and_sound([clip], plan.block_frames),
        behaviour_section(behaved),
        nod_section(nods(listened, speaks), nods(alone, speaks)),
        commands,
        *_tower_sections(plan, [clip]),
    ]
    plan.progress(1.0, "")
    voices = sorted({part.voice for part in track.parts})
    settings = {"minutes": f"{minutes:g} of each state", "data seed": str(seed), "voices": ", ".join(voices)}
    return Evaluation(
        "Motion sampler",
        settings,
        sections,
        traces([clip], "the rule's"),
        {b.name: b.values for b in behaved},
    )


def evaluate_recordings(plan: Plan, recordings: Sequence[EvaluatedRecording]) -> Evaluation:
    """Evaluates recordings: the motion that came with them, or what the sampler makes of their sound.

    Args:
        plan: with `make` unless the recordings come with motion.
        recordings: at least one; all with motion or all without.

    Raises:
        InputError: a video or a transcript does not fit its sound.
    """
    clips: list[Clip] = []
    faces: list[TrackedFace | None] = []
    draws = plan.draw is not None and any(recording.video is not None for recording in recordings)
    made = 0.7 if draws else 0.98
    for number, recording in enumerate(recordings):
        start, stop = (made * (number + i) / len(recordings) for i in (0, 1))
        clip, face = _clip(plan, recording, start, stop)
        clips.append(clip)
        faces.append(face)
    pairs, sheets = _beside_people(plan, recordings, clips, faces, made) if draws else ([], {})
    plan.progress(0.98, "measuring")
    columns = list(clips[0].motions)
    sections = _phoneme_sections(clips, plan.lips)
    filmed = [clip for clip in clips if clip.target is not None]
    if filmed:
        note = "Tracked: inner-lip gap (landmarks 13 and 14) and mouth width (78 and 308) over the eyes' distance."
        # A rule without phonemes would be a closed mouth: it has figures only where all clips have a transcript.
        followers = [name for name in columns if name != RULE or all(clip.track.parts for clip in filmed)]
        sections.append(agreement("Mouth against the video's", filmed, followers, plan.lips, note))
    sections += people_sections(pairs)
    blocks = plan.block_frames if plan.make is not None else None
    sections.append(mouth_and_sound([_without_empty_rule(clip, clips) for clip in clips], blocks))
    behaved = {}
    for column in (name for name in columns if name not in (RULE, ENVELOPE)):
        long_enough = [c for c in clips if c.track.frames >= LEAST_S * FRAME_RATE_HZ]
        for clip in long_enough:
            name = column if len(long_enough) == 1 else f"{clip.name}, {column}"
            behaved[name] = Behaved(name, clip.motions[column], ConversationState.SPEAKING, blocks)
    if behaved:
        sections.append(behaviour_section(list(behaved.values())))
    sections += _tower_sections(plan, clips)
    plan.progress(1.0, "")
    settings = {
        "recordings": ", ".join(clip.name for clip in clips),
        "sound offset": ", ".join(f"{one.name} {one.sound_offset}" for one in recordings if one.sound_offset) or "0",
    }
    return Evaluation(
        "Recordings",
        settings,
        sections,
        traces([_without_empty_rule(clip, clips) for clip in clips], "tracked"),
        {name: b.values for name, b in behaved.items()},
        [face_trace(pair) for pair in pairs],
        sheets,
    )


def _clip(plan: Plan, recording: EvaluatedRecording, start: float, stop: float) -> tuple[Clip, TrackedFace | None]:
    track = recording.track
    sampling = start + (0.5 if recording.video is not None else 0.0) * (stop - start)
    target = face = None
    if recording.video is not None:
        with plan.stage(f"{recording.name}: tracking", start, sampling) as advance:
            face = track_face(recording.video, advance)
        # Of a shifted sound, what it has lost is silence.
        late = max(recording.sound_offset, 0) * SAMPLES_PER_FRAME
        check_lengths(str(recording.video), "video", len(face.gap), len(track.sound) + late)
        target = Target(face.gap, face.width)
    if recording.transcript is not None:
        phones = align(track.sound, recording.transcript, recording.name)
        track = replace(track, parts=(SpokenPart(0, track.frames, phones, recording.transcript),))
    if recording.motion is not None:
        motions = {GIVEN: recording.motion}
    else:
        motions = plan.sampled(track, recording.name, sampling, stop, ConversationState.SPEAKING)
    motions = {**motions, RULE: rule_motion(track), ENVELOPE: envelope_motion(track)}
    return Clip(recording.name, track, motions, target), face


def _beside_people(
    plan: Plan,
    recordings: Sequence[EvaluatedRecording],
    clips: Sequence[Clip],
    faces: Sequence[TrackedFace | None],
    start: float,
) -> tuple[list[Pair], dict[str, bytes]]:
    """Our motion, drawn and tracked, beside the people in the videos; and sheets of both, by their titles."""
    assert plan.draw is not None
    decoder = plan.draw()
    pairs: list[Pair] = []
    sheets: dict[str, bytes] = {}
    for number, (recording, clip, face) in enumerate(zip(recordings, clips, faces, strict=True)):
        if face is None or recording.video is None:
            continue
        column = next(iter(clip.motions))  # what was given, or what the sampler makes as it is configured
        values = clip.motions[column][: len(face.landmarks)]
        low, high = (start + (0.98 - start) * (number + i) / len(clips) for i in (0, 1))
        with plan.stage(f"{clip.name}: drawing", low, high) as advance:
            ours = track_drawn(decoder, values, f"{clip.name}, {column}", advance)
        real = face_curves(face).first(len(values))
        pairs.append(Pair(clip.name, column, real, face_curves(ours), plan.lips(values).gap_px))
        if plan.sheets:
            sheet = side_by_side(recording.video, decoder, values, face, ours)
            sheets[f"{clip.name}: the real face over ours"] = jpeg(sheet)
    return pairs, sheets


def _without_empty_rule(clip: Clip, clips: Sequence[Clip]) -> Clip:
    if all(other.track.parts for other in clips):
        return clip
    return replace(clip, motions={name: values for name, values in clip.motions.items() if name != RULE})


def _tower_sections(plan: Plan, clips: Sequence[Clip]) -> list[Section]:
    if not plan.towers:
        return []
    from avatar.evaluation.tower_section import tower_section  # PyTorch comes with it

    return [tower_section(path, clips) for path in plan.towers]


def _phoneme_sections(clips: Sequence[Clip], lips: LipGeometry) -> list[Section]:
    opened = aperture_at_gap(lips, CLOSED_GAP_PX)
    found = phonemes(clips, lips, f"On this portrait 1 px is jawOpen - mouthClose = {opened:.3f}.")
    return [] if found is None else [found]
