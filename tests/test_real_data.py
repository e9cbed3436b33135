"""Training data of real material: recordings with transcripts, talking videos, and what is left out of them."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from avatar.motion import ConversationState, Floats, MotionLayout, neutral
from avatar.sampler.conditions import GAZE_SCALE, HEAD_SCALE, STATES, ConditionLayout
from avatar.sampler.dynamics import MOUTH
from avatar.tracking.track import TrackedMotion
from avatar.training import real_scenes, videos
from avatar.training.dataset import load, prepare
from avatar.training.gestures.visemes import UNKNOWN_VISEME
from avatar.training.real_scenes import held_back
from avatar.training.recordings import Aligner, TranscribedFile, align_transcript, find_recordings
from avatar.training.scene_store import ARRAY_TYPES, SceneStore, packed, read_scene, scene_frames, write_scene
from avatar.training.scenes import MadeScene
from avatar.training.videos import (
    SAMPLES_PER_FRAME,
    SoundLag,
    held,
    shifted,
    sound_lag,
    tracked_once,
    video_scenes,
)
from avatar.training.voices.espeak import speak_espeak
from avatar.training.voices.utterance import Phone, Utterance
from speech.audio import SPEECH_RATE_HZ
from speech.errors import InputError
from speech.files.wav_writer import write_wav

pytestmark = pytest.mark.usefixtures("one_torch_thread")

INDEX = MotionLayout.INDEX
SENTENCE = "My brother may buy the paper map of Bombay."


@pytest.fixture(scope="module")
def spoken() -> Utterance:
    return speak_espeak(SENTENCE, "en-us+f2", rate=140)


def test_an_alignment_finds_the_phones_of_a_known_recording(spoken: Utterance) -> None:
    """eSpeak NG says when it begins each phoneme: the aligner, which only hears, must find the same times."""
    phones = Aligner().align(spoken.samples, SENTENCE)
    assert phones[0].start_s == 0.0
    assert phones[-1].end_s == pytest.approx(len(spoken.samples) / SPEECH_RATE_HZ)
    for phone, following in itertools.pairwise(phones):
        assert phone.end_s == following.start_s > phone.start_s
    for name in ("p", "b", "m"):
        times = [phone.start_s for phone in phones if phone.symbol == name]
        said = [phone.start_s for phone in spoken.phones if phone.symbol == name]
        assert len(times) == len(said) > 0
        # eSpeak NG marks the burst of a stop, the aligner the closure before it.
        assert np.abs(np.subtract(times, said)).max() < 0.09


def test_a_pause_is_silence(spoken: Utterance) -> None:
    pause = np.zeros(SPEECH_RATE_HZ // 2, np.float32)
    twice = np.concatenate([spoken.samples, pause, spoken.samples])
    phones = Aligner().align(twice, SENTENCE + " " + SENTENCE)
    middle = (len(spoken.samples) + len(pause) / 2) / SPEECH_RATE_HZ
    (inside,) = [phone for phone in phones if phone.start_s <= middle < phone.end_s]
    assert inside.symbol == "" and inside.end_s - inside.start_s > 0.4


def test_a_wrong_transcript_is_refused(spoken: Utterance, tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", spoken.samples, SPEECH_RATE_HZ)
    with pytest.raises(InputError, match=r"a\.wav: expected the sound of its transcript"):
        align_transcript(TranscribedFile(tmp_path / "a.wav", "ten of clubs"), Aligner())
    with pytest.raises(InputError, match="words"):
        align_transcript(TranscribedFile(tmp_path / "a.wav", "?!"), Aligner())


def test_transcripts_are_found_where_corpora_keep_them(tmp_path: Path) -> None:
    (tmp_path / "wavs").mkdir()
    (tmp_path / "own").mkdir()
    (tmp_path / "texts").mkdir()
    for name in ("wavs/LJ1.wav", "wavs/LJ2.wav", "own/a.flac", "own/b.wav", "own/84-121-0.flac", "own/silent.wav"):
        (tmp_path / name).touch()
    (tmp_path / "metadata.csv").write_text('LJ1|No. 1 "raw|number one "said\nLJ2|two\n')
    (tmp_path / "own" / "a.txt").write_text("beside\nit\n")
    (tmp_path / "texts" / "b.txt").write_text("elsewhere")
    (tmp_path / "own" / "84-121.trans.txt").write_text("84-121-0 GO ON\n")
    found = {recording.path.name: recording.text for recording in find_recordings(tmp_path)}
    assert found == {
        "LJ1.wav": 'number one "said',
        "LJ2.wav": "two",
        "a.flac": "beside it",
        "b.wav": "elsewhere",
        "84-121-0.flac": "GO ON",
    }
    with pytest.raises(InputError, match="none with a transcript"):
        find_recordings(tmp_path / "texts")
    with pytest.raises(InputError, match="found nothing"):
        find_recordings(tmp_path / "none")


def babble(frames: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """A syllable rhythm: [frames] in [0, 1]."""
    random = np.random.default_rng(seed)
    rough = np.convolve(random.normal(size=frames + 4), np.ones(5) / 5.0, mode="valid")
    return np.asarray(np.clip(0.5 + rough, 0.0, 1.0))


def voiced(level: npt.NDArray[np.float64]) -> Floats:
    """Noise of a given loudness a frame: float32 [N] at 16 kHz."""
    noise = np.random.default_rng(7).normal(size=len(level) * SAMPLES_PER_FRAME)
    return (0.2 * np.repeat(level, SAMPLES_PER_FRAME) * noise).astype(np.float32)


@pytest.mark.parametrize("late", [-4, 0, 5])
def test_the_lag_of_the_sound_is_measured_and_taken_away(late: int) -> None:
    lips = babble(500)
    sound = voiced(np.roll(lips, late))
    lag = sound_lag(sound, (0.1 * lips).astype(np.float32))
    assert lag.frames == late and lag.correlation > 0.6
    assert sound_lag(shifted(sound, lag.frames), (0.1 * lips).astype(np.float32)).frames == 0
    assert sound_lag(sound[:5000], lips.astype(np.float32)) == SoundLag(0, 0.0)


def test_a_gaze_is_held_in_fixations() -> None:
    random = np.random.default_rng(3)
    truth = np.repeat(np.array([[0.0, 0.0], [0.15, 0.02], [-0.1, -0.1]]), 25, axis=0)
    seen = truth + random.normal(0.0, 0.01, truth.shape)
    seen[10] += 0.3  # one frame alone is an error, not a glance
    np.testing.assert_allclose(held(seen), truth, atol=0.01)
    assert len(np.unique(held(seen), axis=0)) == 3


class VoiceWhereLoud:
    """A voice detector that needs no network."""

    def probability(self, window: Floats) -> float:
        return float(np.abs(window).max() > 0.05)

    def reset(self) -> None:
        pass


def made_up(frames: int = 400) -> TrackedMotion:
    values = neutral(frames)
    values[:, INDEX["jawOpen"]] = babble(frames)
    values[:, INDEX["headYaw"]] = 0.1 * np.sin(2.0 * np.pi * np.arange(frames) / 200.0)
    values[:, INDEX["gazeYaw"]] = -values[:, INDEX["headYaw"]]  # eyes stay on the camera
    values[50:54, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = 1.0
    confidence = np.ones(frames, np.float32)
    confidence[100:103] = 0.0  # short enough to be left in
    confidence[200:220] = 0.0
    return TrackedMotion(values, confidence, values[:, INDEX["jawOpen"]] * 0.3, ((0, frames),), ("noticed",))


def test_a_tracked_video_becomes_scenes() -> None:
    tracked = made_up()
    loud = np.ones(400)
    loud[300:] = 0.0
    first, second = video_scenes(tracked, voiced(loud), VoiceWhereLoud())
    assert (len(first.motion), len(second.motion)) == (200, 180)
    for scene, at in ((first, slice(0, 200)), (second, slice(220, 400))):
        values = tracked.values[at]
        np.testing.assert_array_equal(scene.motion, values[:, list(MotionLayout.SAMPLED)])
        np.testing.assert_array_equal(scene.articulation, scene.motion[:, list(MOUTH)])
        assert scene.conditions.shape == (len(values), ConditionLayout.SIZE)
        assert (scene.visemes == UNKNOWN_VISEME).all() and scene.features.shape == (len(values), 4, 64)
        for group in (ConditionLayout.COMPOSURE, ConditionLayout.USER):
            assert not scene.conditions[:, group].any(), "what nobody knows is left out"
    blink = first.conditions[:, ConditionLayout.BLINK.start]
    assert np.flatnonzero(blink).tolist() == [50, 51, 52, 53]
    gaze = first.conditions[:, ConditionLayout.GAZE][:, :2] * GAZE_SCALE
    assert np.abs(gaze).max() < 1e-3
    posture = first.conditions[:, ConditionLayout.POSTURE][:, 1] * HEAD_SCALE
    assert np.corrcoef(posture, tracked.values[:200, INDEX["headYaw"]])[0, 1] > 0.98
    state = second.conditions[:, ConditionLayout.STATE]
    assert state[:80, STATES.index(ConversationState.SPEAKING)].all()
    assert state[100:, STATES.index(ConversationState.LISTENING)].all()


def test_a_video_is_tracked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def track(path: Path, progress: object = None) -> TrackedMotion:
        calls.append(path.name)
        if path.name == "bad.mp4":
            raise InputError(f"{path}: no face")
        return made_up()

    monkeypatch.setattr(videos, "track_video", track)
    for name in ("good.mp4", "bad.mp4"):
        (tmp_path / name).write_text(name)
    for _ in range(2):
        found = tracked_once(tmp_path / "good.mp4", tmp_path / "kept")
        with pytest.raises(InputError, match="no face"):
            tracked_once(tmp_path / "bad.mp4", tmp_path / "kept")
    assert calls == ["good.mp4", "bad.mp4"]
    np.testing.assert_array_equal(found.values, made_up().values)
    assert found.shots == ((0, 400),) and found.notices == ("noticed",)
    (tmp_path / "good.mp4").write_text("another video")
    tracked_once(tmp_path / "good.mp4", tmp_path / "kept")
    assert calls[2:] == ["good.mp4"]
    for entry in (tmp_path / "kept").glob("good-*"):
        entry.write_bytes(b"damaged")
    tracked_once(tmp_path / "good.mp4", tmp_path / "kept")
    assert len(calls) == 4


def sounding_video(path: Path, sound: Floats) -> None:
    with av.open(str(path), "w") as container:
        video, audio = container.add_stream("libx264", rate=25), container.add_stream("pcm_s16le", rate=SPEECH_RATE_HZ)
        video.width = video.height = 32
        video.pix_fmt = "yuv420p"
        audio.layout = "mono"
        for number in range(3):
            picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            container.mux(video.encode(picture))
        piece = av.AudioFrame.from_ndarray((sound * 32767).astype(np.int16)[None], format="s16", layout="mono")
        piece.sample_rate, piece.pts = SPEECH_RATE_HZ, 0
        container.mux(audio.encode(piece))
        for stream in (video, audio):
            container.mux(stream.encode(None))


@pytest.fixture
def video_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "videos"
    (folder / "b").mkdir(parents=True)
    late = voiced(np.roll(babble(400), 5)) * 0.5
    for name in ("a.mkv", "b/1.mkv", "b/2.mkv"):
        sounding_video(folder / name, late)
    (folder / "broken.mp4").write_text("nothing")
    monkeypatch.setattr(videos, "track_video", lambda path, progress=None: made_up())
    return folder


def test_a_folder_of_videos_becomes_data(video_folder: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    shares: list[float] = []
    frames = prepare(
        tmp_path / "data",
        minutes=0.0,
        videos=video_folder,
        progress=lambda share, note: shares.append(share),
        report=lines.append,
    )
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0)
    data = load(tmp_path / "data")
    assert frames == len(data.arrays["motion"]) == 3 * 380
    assert [(scene["video"], scene["validation"]) for scene in data.scenes[::2]] == [
        ("a.mkv", False),
        ("b/1.mkv", False),
        ("b/2.mkv", True),
    ]
    assert (data.arrays["visemes"] == UNKNOWN_VISEME).all()
    assert any(line.startswith("left out:") and "broken.mp4" in line for line in lines)
    assert sum("the sound seems 5 frames late" in line for line in lines) == 3


def test_a_measured_offset_is_applied(video_folder: Path, tmp_path: Path) -> None:
    plain, put_right = tmp_path / "plain", tmp_path / "right"
    prepare(plain, minutes=0.0, videos=video_folder)
    prepare(put_right, minutes=0.0, videos=video_folder, sound_offset=None)
    one, two = load(plain), load(put_right)
    assert [scene["sound_offset"] for scene in two.scenes] == [5] * len(two.scenes)
    np.testing.assert_array_equal(one.arrays["features"][6:100], two.arrays["features"][1:95])


def an_utterance(recording: TranscribedFile, aligner: Aligner, report: Callable[[str], None]) -> Utterance:
    if recording.text == "wrong":
        raise InputError(f"{recording.path}: expected the sound of its transcript")
    phones = (Phone("", 0.0, 0.2), Phone("m", 0.2, 0.4), Phone("aa", 0.4, 1.0))
    return Utterance(voiced(np.ones(25)), phones, "recording x", recording.text)


def test_a_folder_of_speech_becomes_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "speech"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.wav").touch()
        (folder / f"{number}.txt").write_text("wrong" if number in (3, 7) else f"text {number}")
    monkeypatch.setattr(real_scenes, "align_transcript", an_utterance)
    lines: list[str] = []
    prepare(tmp_path / "data", minutes=0.0, speech=folder, report=lines.append)
    assert len(lines) == 2 and "3.wav" in lines[0] and "7.wav" in lines[1]
    data = load(tmp_path / "data")
    said = [(part["text"], scene["validation"]) for scene in data.scenes for part in scene["speech"]]
    assert said == [(f"text {number}", number == 6) for number in (0, 1, 2, 4, 5, 6)]


@pytest.mark.parametrize(
    ("sizes", "count"), [([], 0), ([100], 0), ([100, 100], 1), ([10] * 40, 2), ([100, 1, 1, 1], 3), ([1, 100], 1)]
)
def test_the_last_are_kept_back(sizes: list[int], count: int) -> None:
    assert held_back(sizes, 0.05) == count


def a_scene(frames: int) -> MadeScene:
    random = np.random.default_rng(frames)
    return MadeScene(
        features=random.normal(size=(frames, 4, 64)).astype(np.float32),
        motion=random.normal(size=(frames, 52)).astype(np.float32),
        conditions=random.normal(size=(frames, ConditionLayout.SIZE)).astype(np.float32),
        articulation=random.normal(size=(frames, len(MOUTH))).astype(np.float32),
        visemes=random.integers(0, 256, frames),
        speech=[],
        sound=random.uniform(-1.0, 1.0, frames * SAMPLES_PER_FRAME).astype(np.float32),
    )


def test_a_scene_in_a_file_packs_to_the_same_bytes(tmp_path: Path) -> None:
    scene = a_scene(7)
    write_scene(tmp_path / "scene.npz", scene)
    assert scene_frames(tmp_path / "scene.npz") == 7
    again = packed(read_scene(tmp_path / "scene.npz"))
    assert {name: array.tobytes() for name, array in again.items()} == {
        name: array.tobytes() for name, array in packed(scene).items()
    }


def test_a_store_holds_what_was_added_or_nothing(tmp_path: Path) -> None:
    scenes = [a_scene(7), a_scene(11)]

    def fill(then: Callable[[SceneStore], None]) -> None:
        with SceneStore(tmp_path) as store:
            for scene in scenes:
                store.add(scene, validation=False)
            then(store)

    def fail(store: SceneStore) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(fail)
    assert not list(tmp_path.iterdir())
    fill(lambda store: store.finish({}))
    assert {path.name for path in tmp_path.iterdir()} == {"scenes.json", *(f"{name}.npy" for name in ARRAY_TYPES)}
    for name, kind in ARRAY_TYPES.items():
        if name == "sound":
            expected = np.concatenate([np.round(scene.sound * 32767.0).reshape(-1, 640) for scene in scenes])
        else:
            expected = np.concatenate([getattr(scene, name) for scene in scenes]).astype(kind)
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), expected)


@pytest.mark.testdata
def test_real_recordings_align_with_their_transcripts_only(test_data: Path) -> None:
    rows = list(csv.DictReader((test_data / "speech" / "transcripts.tsv").read_text().splitlines(), delimiter="\t"))
    english = [TranscribedFile(test_data / row["path"], row["transcript"]) for row in rows if row["lang"] == "en"][::2]
    aligner = Aligner()
    for number, recording in enumerate(english):
        spoken = align_transcript(recording, aligner)
        sounding = [phone for phone in spoken.phones if phone.symbol]
        assert max(phone.end_s - phone.start_s for phone in sounding) < 0.5, recording.path.name
        if number % 5 == 0:
            with pytest.raises(InputError):
                align_transcript(TranscribedFile(recording.path, english[(number + 3) % len(english)].text), aligner)
