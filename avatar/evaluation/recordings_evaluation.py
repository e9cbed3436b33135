"""The evaluation of recordings: the motion that came with them, or what a sampler makes of their sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from avatar.evaluation.behaviour_sections import LEAST_S, Behaved, behaviour_section
from avatar.evaluation.people.kept_face import track_face_once
from avatar.evaluation.people.movement import FaceCurves, face_curves
from avatar.evaluation.people.side_by_side import side_by_side
from avatar.evaluation.people.tracked_face import TrackedFace, track_drawn
from avatar.evaluation.people_section import Pair, face_trace, people_sections
from avatar.evaluation.plan import GIVEN, SAMPLER, Plan
from avatar.evaluation.results import Evaluation
from avatar.evaluation.speech.alignment import align
from avatar.evaluation.speech.recordings import EvaluatedRecording, check_lengths
from avatar.evaluation.speech.speech_track import (
    SAMPLES_PER_FRAME,
    SpeechTrack,
    SpokenPart,
    envelope_motion,
    rule_motion,
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
from avatar.picture.sheets import jpeg
from avatar.progress import Progress


@dataclass(frozen=True, slots=True)
class PreparedRecording:
    """A recording and all that is known of it before anything is sampled.

    Attributes:
        name: for tables.
        track: its sound, and its phonemes where there is a transcript.
        motion: float32 [T, 60], that came with it.
        video: of who says it.
        face: as tracked there.
        curves: of that face.
        sound_offset: frames by which the sound was late.
        baselines: the rule's motion and the envelope's, by column.
    """

    name: str
    track: SpeechTrack
    motion: Floats | None
    video: Path | None
    face: TrackedFace | None
    curves: FaceCurves | None
    sound_offset: int
    baselines: dict[str, Floats]


def prepare_recordings(
    recordings: Sequence[EvaluatedRecording], cache_dir: Path, progress: Progress = lambda done, note: None
) -> list[PreparedRecording]:
    """Tracks the videos, each once as long as the cache is kept, and aligns the transcripts.

    Args:
        recordings: any.
        cache_dir: where tracked faces are kept.
        progress: called with the share done and a line about it.

    Raises:
        InputError: a video or a transcript does not fit its sound.
    """
    prepared = []
    for number, recording in enumerate(recordings):
        note = f"{recording.name}: tracking"

        def advance(done: float, before: int = number, note: str = note) -> None:
            progress((before + done) / len(recordings), note)

        advance(0.0)
        track, face = recording.track, None
        if recording.video is not None:
            face = track_face_once(recording.video, cache_dir, advance)
            # Of a shifted sound, what it has lost is silence.
            late = max(recording.sound_offset, 0) * SAMPLES_PER_FRAME
            check_lengths(str(recording.video), "video", len(face.landmarks), len(track.sound) + late)
        if recording.transcript is not None:
            phones = align(track.sound, recording.transcript, recording.name)
            track = replace(track, parts=(SpokenPart(0, track.frames, phones, recording.transcript),))
        prepared.append(
            PreparedRecording(
                recording.name,
                track,
                recording.motion,
                recording.video,
                face,
                None if face is None else face_curves(face),
                recording.sound_offset,
                {RULE: rule_motion(track), ENVELOPE: envelope_motion(track)},
            )
        )
    progress(1.0, "")
    return prepared


def evaluate_recordings(plan: Plan, recordings: Sequence[PreparedRecording]) -> Evaluation:
    """Evaluates recordings.

    Args:
        plan: with `make` unless the recordings come with motion.
        recordings: at least one; all with motion or all without.

    Raises:
        InputError: a drawn face can't be found again.
    """
    draws = plan.draw is not None and any(recording.face is not None for recording in recordings)
    made = 0.3 if draws else 0.98
    clips = [
        _clip(plan, recording, *(made * (number + i) / len(recordings) for i in (0, 1)))
        for number, recording in enumerate(recordings)
    ]
    pairs, sheets = _beside_people(plan, recordings, clips, made) if draws else ([], {})
    plan.progress(0.98, "measuring")
    columns = list(clips[0].motions)
    sections = people_sections(pairs) + phoneme_sections(clips, plan.lips)
    filmed = [clip for clip in clips if clip.target is not None]
    if filmed:
        note = "Tracked: inner-lip gap (landmarks 13 and 14) and mouth width (78 and 308) over the eyes' distance."
        # A rule without phonemes would be a closed mouth: it has figures only where all clips have a transcript.
        followers = [name for name in columns if name != RULE or all(clip.track.parts for clip in filmed)]
        sections.append(agreement("Mouth against the video's", filmed, followers, plan.lips, note))
    blocks = plan.block_frames if plan.make is not None else None
    sections.append(mouth_and_sound([_without_empty_rule(clip, clips) for clip in clips], blocks))
    behaved = {}
    for column in (name for name in columns if name not in (RULE, ENVELOPE)):
        long_enough = [c for c in clips if c.track.frames >= LEAST_S * FRAME_RATE_HZ]
        for clip in long_enough:
            name = column if len(long_enough) == 1 else f"{clip.name}, {column}"
            state = ConversationState.SPEAKING if column in (SAMPLER, GIVEN) else None
            behaved[name] = Behaved(name, clip.motions[column], state, blocks)
    if behaved:
        sections.append(behaviour_section(list(behaved.values())))
    sections += plan.tower_sections(clips)
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


def _clip(plan: Plan, recording: PreparedRecording, start: float, stop: float) -> Clip:
    if recording.motion is not None:
        motions = {GIVEN: recording.motion}
    else:
        motions = plan.sampled(recording.track, recording.name, start, stop, ConversationState.SPEAKING)
    target = None if recording.face is None else Target(recording.face.gap, recording.face.width)
    return Clip(recording.name, recording.track, {**motions, **recording.baselines}, target)


def _beside_people(
    plan: Plan, recordings: Sequence[PreparedRecording], clips: Sequence[Clip], start: float
) -> tuple[list[Pair], dict[str, bytes]]:
    """Our motion, drawn and tracked, beside the people in the videos; and sheets of both, by their titles."""
    assert plan.draw is not None
    decoder = plan.draw()
    pairs: list[Pair] = []
    sheets: dict[str, bytes] = {}
    for number, (recording, clip) in enumerate(zip(recordings, clips, strict=True)):
        face, curves = recording.face, recording.curves
        if face is None or curves is None or recording.video is None:
            continue
        column = next(iter(clip.motions))  # what was given, or what the sampler makes as it is configured
        values = clip.motions[column][: len(face.landmarks)]
        low, high = (start + (0.98 - start) * (number + i) / len(clips) for i in (0, 1))
        with plan.stage(f"{clip.name}: drawing", low, high) as advance:
            ours = track_drawn(decoder, values, f"{clip.name}, {column}", advance)
        pairs.append(Pair(clip.name, column, curves.first(len(values)), face_curves(ours), plan.lips(values).gap_px))
        if plan.sheets:
            sheet = side_by_side(recording.video, decoder, values, face, ours)
            sheets[f"{clip.name}: the real face over ours"] = jpeg(sheet)
    return pairs, sheets


def _without_empty_rule(clip: Clip, clips: Sequence[Clip]) -> Clip:
    if all(other.track.parts for other in clips):
        return clip
    return replace(clip, motions={name: values for name, values in clip.motions.items() if name != RULE})
