"""Whether a stranger could tell what an avatar feels while it speaks.

Every portrait speaks with every emotion; MediaPipe finds the drawn faces again. A linear classifier learns from one
half of the portraits what the emotions look like, against each portrait's own neutral speech, and names those of the
other half; then the halves change places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from avatar.decoder import FaceDecoder
from avatar.evaluation.driving import drive
from avatar.evaluation.emotions.classifier import Labels, LogisticRegression
from avatar.evaluation.emotions.drawn_faces import Asked, DrawnFaces, draw_faces, halves, speaking_frames
from avatar.evaluation.emotions.face_measures import MEASURES
from avatar.evaluation.lips import LipGeometry
from avatar.evaluation.phonemes import events, phoneme_measures
from avatar.evaluation.results import Row, Section, at_least, row
from avatar.evaluation.speech.speech_track import SpeechTrack, rule_motion
from avatar.motion import Controls, ConversationState, Emotion, Floats
from avatar.portrait.portrait import Portrait
from avatar.progress import Progress
from avatar.sampler.lookahead import MotionSampler

EMOTIONS = tuple(Emotion)
INTENSITIES = (1.0, 0.5, 0.3)
FEWEST_PORTRAITS = 2

_MM = 90.0
"""Millimetres between the outer corners of the eyes."""
_BANDS = {1.0: at_least(0.8), 0.5: at_least(0.5)}

MakeSeededSampler = Callable[[int], MotionSampler]
"""A fresh sampler with this seed."""


@dataclass(frozen=True, slots=True)
class EmotionPlan:
    """What to evaluate.

    Attributes:
        portraits: at least FEWEST_PORTRAITS.
        decoder: makes a portrait's decoder.
        sampler: makes samplers.
        track: what is said.
        seed: of the first motion; every other one has its own.
        faces: drawn of each portrait with each emotion at each intensity.
        intensities: of the emotions.
        progress: called with the share done and a note.
    """

    portraits: Sequence[Portrait]
    decoder: Callable[[Portrait], FaceDecoder]
    sampler: MakeSeededSampler
    track: SpeechTrack
    seed: int
    faces: int
    intensities: Sequence[float]
    progress: Progress


@dataclass(frozen=True, slots=True)
class JudgedFaces:
    """What was found.

    Attributes:
        drawn: of each portrait.
        told: of each portrait, what each of its faces was taken for, indices into EMOTIONS.
        sections: the tables.
    """

    drawn: Sequence[DrawnFaces]
    told: Sequence[Labels]
    sections: Sequence[Section]


def evaluate_emotions(plan: EmotionPlan) -> JudgedFaces:
    """Samples, draws, tracks and judges.

    Raises:
        InputError: too little is said, or a face can't be found again.
    """
    at = speaking_frames(plan.track, plan.faces)
    motions = _motions(plan)
    neutral = _speak(plan, plan.seed + len(plan.intensities), Controls())
    faces = {asked: values[at] for asked, values in motions.items()}
    drawn = []
    for number, portrait in enumerate(plan.portraits):

        def advance(share: float, number: int = number, name: str = portrait.name) -> None:
            plan.progress(0.3 + 0.7 * (number + share) / len(plan.portraits), name)

        drawn.append(draw_faces(portrait, plan.decoder(portrait), neutral[at], faces, advance))
    told = tell(drawn)
    sections = [_shares(plan, drawn, told)]
    sections += [_confusion(drawn, told, intensity) for intensity in plan.intensities if intensity in _BANDS]
    sections.append(_movement(drawn, plan.intensities[0]))
    if plan.track.parts:
        sections.append(_contacts(plan, motions, neutral))
    return JudgedFaces(drawn, told, sections)


def tell(drawn: Sequence[DrawnFaces]) -> list[Labels]:
    """What each face of each portrait is taken for by a classifier that has seen the other half of the portraits."""
    told: dict[int, Labels] = {}
    one, other = halves(len(drawn))
    for seen, judged in ((one, other), (other, one)):
        values = np.concatenate([drawn[i].measures for i in seen])
        labels = np.concatenate([_labels(drawn[i]) for i in seen])
        classifier = LogisticRegression.fit(values, labels, len(EMOTIONS))
        told |= {i: classifier(drawn[i].measures) for i in judged}
    return [told[i] for i in range(len(drawn))]


def _motions(plan: EmotionPlan) -> dict[Asked, Floats]:
    """What is asked → its motion for the whole track, float32 [T, 60]."""
    found = {}
    asked = [(number, Asked(e, i)) for number, i in enumerate(plan.intensities) for e in EMOTIONS]
    for done, (number, wanted) in enumerate(asked):
        plan.progress(0.3 * done / len(asked), f"{wanted.emotion} {wanted.intensity:g}")
        controls = Controls(emotion=wanted.emotion, intensity=wanted.intensity)
        found[wanted] = _speak(plan, plan.seed + number, controls)
    return found


def _speak(plan: EmotionPlan, seed: int, controls: Controls) -> Floats:
    return drive(plan.sampler(seed), plan.track.sound, ConversationState.SPEAKING, controls=controls)


def _labels(drawn: DrawnFaces) -> Labels:
    return np.array([EMOTIONS.index(asked.emotion) for asked in drawn.asked], np.int64)


def _at(drawn: DrawnFaces, intensity: float) -> Labels:
    """Indices of the faces with this intensity."""
    return np.flatnonzero([asked.intensity == intensity for asked in drawn.asked])


def _shares(plan: EmotionPlan, drawn: Sequence[DrawnFaces], told: Sequence[Labels]) -> Section:
    """How many were right, of all and of each portrait."""
    lines: list[Row] = []
    for intensity in plan.intensities:
        right = []
        for one, labels in zip(drawn, told, strict=True):
            rows = _at(one, intensity)
            right.append(labels[rows] == _labels(one)[rows])
        whole = [float(np.concatenate(right).mean()), *(float(each.mean()) for each in right)]
        bands = [_BANDS.get(intensity), *(None for _ in right)]
        lines.append(row(f"told right at intensity {intensity:g}", whole, "%", 0, bands))
    lines.append(row("chance", [1.0 / len(EMOTIONS)] * (len(drawn) + 1), "%", 1))
    lost = [one.lost for one in drawn]
    lines.append(row("faces not found again", [float(n) for n in (sum(lost), *lost)], digits=0))
    note = (
        f"{plan.faces} speaking faces of each emotion at each intensity and portrait; the classifier (logistic "
        f"regression on {len(MEASURES)} distances between landmarks, against the portrait's own neutral speech) has "
        "seen the other half of the portraits only."
    )
    return Section("Emotions told apart while speaking", ("all", *(one.portrait for one in drawn)), tuple(lines), note)


def _confusion(drawn: Sequence[DrawnFaces], told: Sequence[Labels], intensity: float) -> Section:
    """What each emotion is taken for."""
    counts = np.zeros((len(EMOTIONS), len(EMOTIONS)))
    for one, labels in zip(drawn, told, strict=True):
        rows = _at(one, intensity)
        np.add.at(counts, (_labels(one)[rows], labels[rows]), 1.0)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    lines = tuple(row(str(e), [float(v) for v in shares[i]], "%", 0) for i, e in enumerate(EMOTIONS))
    return Section(f"Taken for, at intensity {intensity:g}", EMOTIONS, lines, "A row for each emotion that was asked.")


def _movement(drawn: Sequence[DrawnFaces], intensity: float) -> Section:
    """How far each emotion moves what is measured, and how that compares with what speech does there anyway."""
    everything = np.concatenate([one.measures[_at(one, intensity)] for one in drawn])
    labels = np.concatenate([_labels(one)[_at(one, intensity)] for one in drawn])
    means = np.stack([everything[labels == i].mean(axis=0) for i in range(len(EMOTIONS))])
    spread = everything[labels == EMOTIONS.index(Emotion.NEUTRAL)].std(axis=0)
    lines = [row(f"{name}", [_MM * float(v) for v in means[:, m]], "mm", 1) for m, name in enumerate(MEASURES)]
    visible = np.abs(means) / np.maximum(spread, 1e-6)
    lines.append(row("largest, over its spread in neutral speech", [float(v) for v in visible.max(axis=1)], digits=1))
    note = "Means over all portraits; 90 mm between the eyes' outer corners. Up and apart are positive."
    return Section(f"What moves, at intensity {intensity:g}", EMOTIONS, tuple(lines), note)


def _contacts(plan: EmotionPlan, motions: Mapping[Asked, Floats], neutral: Floats) -> Section:
    """Whether lips still meet where they must."""
    strongest = plan.intensities[0]
    found, lips = events(plan.track.parts, plan.track.frames), LipGeometry(plan.portraits[0])
    rule = rule_motion(plan.track)
    measured = [phoneme_measures(motions[Asked(e, strongest)], rule, found, lips) for e in EMOTIONS]
    measured.append(phoneme_measures(neutral, rule, found, lips))
    shares = (
        ("p b m: lips' edges ≤ 1 px apart", "lips_meet"),
        ("p b m: visible opening ≤ 1 px", "lips_look_closed"),
        ("f v: lip at upper teeth, lips apart", "at_teeth_parted"),
        ("speech away from p b m with closed lips", "closed_elsewhere"),
        ("vowels with closed lips", "vowels_closed"),
    )
    lines = tuple(row(name, [getattr(m, field) for m in measured], "%", 0) for name, field in shares)
    note = f"{measured[0].contacts} p b m, {measured[0].teeth} f v; best within ±1 frame of the phoneme."
    return Section(f"Contacts, at intensity {strongest:g}", (*EMOTIONS, "none"), lines, note)
