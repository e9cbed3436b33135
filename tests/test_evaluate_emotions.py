"""`visavis evaluate emotions`: the judge, on faces that are known; and the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from agent.command_line import app
from avatar.evaluation.emotions.classifier import LogisticRegression
from avatar.evaluation.emotions.drawn_faces import Asked, DrawnFaces, speaking_frames
from avatar.evaluation.emotions.evaluation import EMOTIONS, EmotionPlan, evaluate_emotions, tell
from avatar.evaluation.emotions.face_measures import MEASURES
from avatar.evaluation.emotions.sheet import emotion_sheet
from avatar.evaluation.speech.speech_track import SpeechTrack, SpokenPart
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import Emotion
from avatar.portrait.portrait import load_portrait
from avatar.sampler.batcher import BlockBatcher
from avatar.sampler.model import load_motion_model
from avatar.sampler.motion_sampler import FlowMotionSampler
from avatar.sampler.options import SamplerOptions
from avatar.training.voices.espeak import speak_espeak
from speech.errors import InputError
from tests.conftest import ROOT

TEXT = "Maybe Pamela or Bob may remember the number of the map."


def test_classes_are_told_apart_and_what_is_alike_is_not() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 100)
    means = np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    values = (means[labels] + random.standard_normal((300, 3))).astype(np.float32)
    told = LogisticRegression.fit(values[::2], labels[::2], 3)(values[1::2])
    right = told == labels[1::2]
    assert right[labels[1::2] == 1].mean() > 0.85
    assert 0.25 < right[labels[1::2] != 1].mean() < 0.75


def faces(name: str, shift: float, noise: float, seed: int) -> DrawnFaces:
    """Faces of a portrait whose emotions each move a measure of their own."""
    random = np.random.default_rng(seed)
    asked = tuple(Asked(emotion, 1.0) for emotion in EMOTIONS for _ in range(10))
    measures = noise * random.standard_normal((len(asked), len(MEASURES)))
    for row, one in zip(measures, asked, strict=True):
        if one.emotion is not Emotion.NEUTRAL:
            row[EMOTIONS.index(one.emotion)] += shift
    return DrawnFaces(name, asked, measures.astype(np.float32), {}, 0)


def test_portraits_are_judged_by_what_the_others_showed() -> None:
    shown = [faces(f"p{i}", 0.05, 0.01, i) for i in range(4)]
    wanted = np.array([EMOTIONS.index(asked.emotion) for asked in shown[0].asked])
    assert np.mean([labels == wanted for labels in tell(shown)]) > 0.9
    # Of portraits that show nothing, nothing can be told; and one that is odd can't teach itself.
    assert np.mean([labels == wanted for labels in tell([faces(f"p{i}", 0.0, 0.01, i) for i in range(4)])]) < 0.3
    odd = faces("odd", -0.05, 0.01, 9)
    assert np.mean(tell([odd, *shown[1:]])[0] == wanted) < 0.3


def test_faces_are_taken_from_speech_after_the_emotion_has_come() -> None:
    sound = np.zeros(16_000 * 6, np.float32)
    sound[16_000 * 3 : 16_000 * 5] = 0.1 * np.random.default_rng(0).standard_normal(32_000)
    at = speaking_frames(SpeechTrack(sound), 8)
    assert len(at) == 8 and at.min() >= 75 and at.max() <= 125
    with pytest.raises(InputError, match=r"expected at least 4\.0 s of speech after the first 2 s, got"):
        speaking_frames(SpeechTrack(sound), 100)


@pytest.mark.usefixtures("one_torch_thread")
def test_the_shipped_face_shows_what_it_feels_while_it_speaks(portrait_cache: Path) -> None:
    """Two portraits: the classifier has seen one and names the emotions of the other."""
    spoken = speak_espeak(TEXT, "en-us+f5")
    frames = -(-len(spoken.samples) // 640)
    track = SpeechTrack(spoken.samples, (SpokenPart(0, frames, spoken.phones, False),))
    folder = ROOT / "avatar" / "assets" / "portraits"
    portraits = [load_portrait(folder / f"{name}.png", cache_dir=portrait_cache) for name in ("mira", "jonas")]
    batcher = BlockBatcher(load_motion_model())
    done: list[float] = []
    judged = evaluate_emotions(
        EmotionPlan(
            portraits,
            MeshDecoder,
            lambda seed: FlowMotionSampler(batcher, SamplerOptions(seed=seed)),
            track,
            seed=0,
            faces=3,
            intensities=(1.0,),
            progress=lambda share, note: done.append(share),
        )
    )
    tables = {section.title: section for section in judged.sections}
    assert tables["Emotions told apart while speaking"].rows[0].cells[0].value >= 0.75
    contacts = tables["Contacts, at intensity 1"]
    without = contacts.rows[0].cells[-1].value
    assert all(cell.value >= without - 0.13 for cell in contacts.rows[0].cells)
    assert done == sorted(done) and done[-1] == pytest.approx(1.0)
    sheet = emotion_sheet(judged.drawn[0], judged.told[0], (1.0,))
    assert sheet.shape[1] == 1600 and sheet.shape[0] > 8 * 196


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--portraits", "no-such-folder"], "expected a folder with pictures"),
        (["-o", "report.txt"], "expected a name that ends in .html"),
        (["-a", "no-such.wav"], "no-such.wav"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments: list[str], says: str) -> None:
    done = CliRunner().invoke(app, ["evaluate", "emotions", *arguments, "-q"])
    assert isinstance(done.exception, InputError)
    assert says in str(done.exception) and "\n" not in str(done.exception)
