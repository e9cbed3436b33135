"""Held-out speech: whose voices, what is kept, what is measured for each kind, and the sheets that show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from avatar.decoder import Image
from avatar.evaluation.behaviour_sections import same_seed_section
from avatar.evaluation.held_out_section import held_out_section
from avatar.evaluation.lips import LipGeometry
from avatar.evaluation.people.kept_face import track_face_once
from avatar.evaluation.people.tracked_face import TrackedFace
from avatar.evaluation.phonemes import events
from avatar.evaluation.results import Section
from avatar.evaluation.speech.held_out import NATURAL, ROBOT, kind_of, spoken_texts
from avatar.evaluation.speech.kept_speech import held_out_once
from avatar.evaluation.speech.speech_track import SpeechTrack, SpokenPart, joined, rule_motion
from avatar.evaluation.speeches.choice import chosen_voices, natural_speeches
from avatar.evaluation.speeches.sheet import missed_contacts, speech_sheet
from avatar.motion import Doubles, Floats, MotionLayout, neutral
from avatar.portrait.portrait import Portrait, load_portrait
from avatar.progress import ShareDone
from avatar.secondary_motion import NO_LAG
from avatar.training.texts.corpus import held_out
from avatar.training.voices.cast import Cast
from avatar.training.voices.utterance import Phone, TrainingVoice, Utterance
from avatar.training.voices.voice_files import VoiceFiles
from speech.errors import InputError
from tests.conftest import ROOT

RATE = 16_000
JAW = MotionLayout.INDEX["jawOpen"]


@dataclass(frozen=True)
class Voice:
    """Says every text in a second: open, closed, open, or refuses long ones."""

    name: str
    language: str = "en-us"
    most: int = 10_000

    def speak(self, text: str, *, pace: float, random: np.random.Generator) -> Utterance:
        if len(text) > self.most:
            raise InputError("too long")
        sound = 0.1 * np.random.default_rng(len(text)).standard_normal(RATE)
        phones = (Phone("aa", 0.0, 0.4, alphabet="arpabet"), Phone("m", 0.4, 0.6, alphabet="arpabet"))
        return Utterance(
            sound.astype(np.float32), (*phones, Phone("aa", 0.6, 1.0, alphabet="arpabet")), self.name, text
        )


class SmallCast(Cast):
    def __init__(self, held_out: Sequence[TrainingVoice], heard: Sequence[TrainingVoice] = ()) -> None:
        self._own, self._heard = list(held_out), list(heard)

    @property
    def held_out(self) -> list[TrainingVoice]:
        return self._own

    @property
    def voices(self) -> list[TrainingVoice]:
        return [*self._heard, *self._own]

    def draw(self, random: np.random.Generator, *, validation: bool) -> TrainingVoice:
        assert validation
        return self._own[int(random.integers(len(self._own)))]


BOTH = SmallCast([Voice("kokoro a"), Voice("kokoro b"), Voice("espeak c"), Voice("flite d")])


@pytest.fixture(scope="module")
def portrait(portrait_cache: Path) -> Portrait:
    return load_portrait(ROOT / "avatar" / "assets" / "portraits" / "mira.png", cache_dir=portrait_cache)


@pytest.fixture(scope="module")
def lips(portrait: Portrait) -> LipGeometry:
    return LipGeometry(portrait)


def test_held_out_voices_of_both_kinds_say_held_out_texts() -> None:
    track, again = (spoken_texts(BOTH, 120.0, 3) for _ in range(2))
    assert np.array_equal(track.sound, again.sound) and track.parts == again.parts
    assert not np.array_equal(track.sound[:RATE], spoken_texts(BOTH, 2.0, 4).sound[:RATE])
    assert track.frames >= 120 * 25 and all(held_out(part.text) for part in track.parts)
    kinds = [kind_of(part.voice) for part in track.parts]
    assert 0.1 < kinds.count(ROBOT) / len(kinds) < 0.4
    assert {part.voice for part in track.parts} == {voice.name for voice in BOTH.voices}
    robots = spoken_texts(SmallCast([Voice("flite d")]), 10.0, 3)
    assert {kind_of(part.voice) for part in robots.parts} == {ROBOT}


def test_a_voice_that_can_t_say_a_text_says_another() -> None:
    track = spoken_texts(SmallCast([Voice("kokoro a", most=60)]), 20.0, 0)
    assert max(len(part.text) for part in track.parts) <= 60
    with pytest.raises(InputError, match="too long"):
        spoken_texts(SmallCast([Voice("kokoro a", most=1)]), 20.0, 0)


def test_the_cast_tells_who_is_held_out() -> None:
    cast = Cast(VoiceFiles())
    drawn = {cast.draw(np.random.default_rng(i), validation=True).name for i in range(30)}
    assert drawn <= {voice.name for voice in cast.held_out} < {voice.name for voice in cast.voices}


def test_speech_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[float] = []

    def counting(
        cast: Cast, seconds: float, seed: int, pause_s: tuple[float, float], progress: ShareDone
    ) -> SpeechTrack:
        made.append(seconds)
        return spoken_texts(BOTH, seconds, seed, pause_s, progress)

    monkeypatch.setattr("avatar.evaluation.speech.held_out.spoken_texts", counting)
    first, again = (held_out_once(VoiceFiles(), 6.0, 1, tmp_path) for _ in range(2))
    assert made == [6.0, 6.0]  # what the avatar says, and what the user says
    assert np.array_equal(first.track.sound, again.track.sound) and first.track.parts == again.track.parts
    assert np.array_equal(first.user.sound, again.user.sound) and not np.array_equal(
        first.user.sound, first.track.sound
    )
    held_out_once(VoiceFiles(), 6.0, 2, tmp_path)
    assert len(made) == 4
    for path in tmp_path.iterdir():
        path.write_bytes(b"PK damaged")
    assert held_out_once(VoiceFiles(), 6.0, 1, tmp_path).track.parts == first.track.parts and len(made) == 6


def test_a_video_is_tracked_once_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracked: list[Path] = []

    def track(path: Path, progress: ShareDone) -> TrackedFace:
        tracked.append(path)
        return TrackedFace(np.full((3, 4, 3), len(tracked), np.float32))

    monkeypatch.setattr("avatar.evaluation.people.kept_face.track_face", track)
    one, moved, other = (tmp_path / name for name in ("one.mp4", "moved.mp4", "other.mp4"))
    one.write_bytes(b"video")
    moved.write_bytes(b"video")
    other.write_bytes(b"another")
    found = [track_face_once(path, tmp_path / "kept").landmarks for path in (one, moved, other)]
    assert tracked == [one, other] and np.array_equal(found[0], found[1])
    for path in (tmp_path / "kept").iterdir():
        path.write_bytes(b"")
    assert track_face_once(one, tmp_path / "kept").landmarks[0, 0, 0] == 3.0
    with pytest.raises(InputError, match="could not read it"):
        track_face_once(tmp_path / "none.mp4", tmp_path / "kept")


def column(section: Section, name: str) -> list[float | None]:
    return [cell.value for line in section.rows if line.name == name for cell in line.cells]


def test_each_kind_of_voice_has_its_own_figures(lips: LipGeometry) -> None:
    """A mouth that follows the rule while a natural voice speaks, and is open all the time while a robot does."""
    spoken = [Voice(name).speak("mama", pace=1.0, random=np.random.default_rng(0)) for name in ("kokoro a", "espeak c")]
    silence = np.zeros(RATE, np.float32)
    pieces = [
        SpeechTrack(np.concatenate([one.samples, silence]), (SpokenPart(0, 25, one.phones, one.text, one.voice),))
        for one in spoken * 2
    ]
    track = joined(pieces)
    rule = rule_motion(track)
    values = rule.copy()
    for start in (50, 150):
        values[start : start + 50, JAW] = 0.3 + 0.1 * np.sin(np.arange(50))
    found = held_out_section(track, values, rule, lips)
    assert found.columns == ("all", NATURAL, ROBOT)
    assert column(found, "p b m: lips' edges ≤ 1 px apart") == [0.5, 1.0, 0.0]
    assert column(found, "how many p b m") == [4.0, 2.0, 2.0] and column(found, "length") == [8.0, 4.0, 4.0]
    still = column(found, "mouth in silence: spread over that in speech")
    assert still[1] is not None and still[2] is not None and still[1] < 0.1 < 0.5 < still[2]
    assert column(found, "aperture against the rule's, r at lag 0")[1] == pytest.approx(1.0)
    held = {line.name for line in found.rows for cell in line.cells if cell.band is not None}
    assert len(held) == 4


def test_heads_that_do_the_same_in_every_speech_are_found() -> None:
    random = np.random.default_rng(0)

    def motion(moves: Callable[[], Doubles]) -> Floats:
        values = neutral(200)
        values[:, MotionLayout.INDEX["headYaw"]] = moves()
        return values

    same = random.standard_normal(200).cumsum()
    alike = same_seed_section([motion(lambda: same)[: 200 - 20 * i] for i in range(4)])
    assert column(alike, "head yaw, r") == pytest.approx([1.0, 1.0]) and alike.rows[0].cells[0].is_outside
    fresh = same_seed_section([motion(lambda: random.standard_normal(200)) for _ in range(4)])
    assert not fresh.rows[0].cells[0].is_outside and column(fresh, "head pitch, r") == [None, None]


def test_sheets_show_held_out_voices_first_and_no_mixtures() -> None:
    heard = [
        Voice(name) for name in ("hibari h", "piper p", "kokoro c", "kokoro c+d", "kokoro e", "kokoro g", "espeak")
    ]
    cast = SmallCast([Voice("kokoro a"), Voice("kokoro b"), Voice("flite d")], [*heard, Voice("kokoro f", "fr")])
    names = [voice.name for voice in chosen_voices(cast, 6)]
    assert names[:4] == ["kokoro a", "kokoro b", "hibari h", "piper p"]
    assert len(names) == 6 and set(names[4:]) < {"kokoro c", "kokoro e", "kokoro g"}
    assert len(chosen_voices(cast, 40)) == 7 and len(chosen_voices(cast, 1)) == 1
    assert [voice.name for voice in chosen_voices(SmallCast([Voice("flite d")] * 3), 10)] == ["flite d"]
    speeches = natural_speeches(cast, 3, 0)
    texts = [track.parts[0].text for track in speeches]
    assert len(set(texts)) == 3 and all(held_out(text) for text in texts)


class Grey:
    """A decoder that draws how far the mouth is open."""

    def decode(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Image:
        return np.full((512, 512, 3), int(200 * values[JAW]), np.uint8)


def test_a_sheet_has_a_cell_for_every_frame_and_marks_missed_contacts(portrait: Portrait, lips: LipGeometry) -> None:
    spoken = Voice("kokoro a").speak("mama", pace=1.0, random=np.random.default_rng(0))
    track = SpeechTrack(spoken.samples, (SpokenPart(0, 25, spoken.phones, "mama", "kokoro a"),))
    opened = neutral(25)
    opened[:, JAW] = 0.4
    found = events(track.parts, 25)
    assert [event.kind for event in missed_contacts(found, lips(opened), 25)] == ["lips"]
    assert missed_contacts(found, lips(rule_motion(track)), 25) == []
    sheets = [speech_sheet(Grey(), portrait.landmarks, values, track, lips) for values in (opened, rule_motion(track))]
    assert sheets[0].shape == sheets[1].shape and sheets[0].shape[1] == 1600 and sheets[0].dtype == np.uint8
    red = [int(((sheet[..., 0] > 150) & (sheet[..., 1] < 60)).sum()) for sheet in sheets]
    assert red[0] > 20 > red[1]
