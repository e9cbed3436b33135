"""`visavis evaluate`, on small inputs."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from agent.command_line import app
from avatar.evaluation import behaviour_sections
from avatar.evaluation.lips import LipGeometry
from avatar.evaluation.plan import Plan
from avatar.evaluation.recordings_evaluation import evaluate_recordings, prepare_recordings
from avatar.evaluation.sampler_evaluation import evaluate_sampler
from avatar.evaluation.speech.held_out import held_out_speech
from avatar.evaluation.speech.recordings import RecordingFiles, find_recording_files, read_recording
from avatar.evaluation.speech.speech_track import SpeechTrack, SpokenPart, rule_motion
from avatar.evaluation.towers.file import TrainedTowers, save_towers
from avatar.evaluation.towers.measures import TABLE_SHIFTS, ShiftTable
from avatar.evaluation.towers.model import TowerConfig, TowerKind, TwoTower
from avatar.motion import Motion, neutral, write_motion_csv
from avatar.portrait.portrait import load_portrait
from avatar.sampler.checkpoint import save_checkpoint, untrained
from avatar.sampler.denoiser import DenoiserConfig
from avatar.training.voices.cast import Cast
from avatar.training.voices.espeak import speak_espeak
from avatar.training.voices.voice_files import VoiceFiles
from speech.errors import InputError
from speech.files.wav_writer import write_wav
from tests.conftest import ROOT

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TEXT = "Maybe Bob may remember the number. Five very brave firefighters saved my family."
RATE = 16_000


@pytest.fixture(scope="module")
def spoken():
    return speak_espeak(TEXT, "en-us")


@pytest.fixture(scope="module")
def lips():
    return LipGeometry(load_portrait(ROOT / "avatar" / "assets" / "portraits" / "mira.png"))


@pytest.fixture(scope="module", autouse=True)
def _shorter():
    """Natural voices take their time, where they are installed; and what a face reaches of a command in three seconds
    says as much here as in eight: the tables are looked at, test_motion_sampler.py has what is reached."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agent.models.training_voices.training_voices", lambda report: VoiceFiles())
        patch.setattr(behaviour_sections, "_COMMAND_S", 3.0)
        patch.setattr(behaviour_sections, "_SETTLED_S", 1.0)
        yield


@pytest.fixture(scope="module")
def said():
    return held_out_speech(Cast(VoiceFiles()), 12.0, 1)


@pytest.fixture
def folder(tmp_path, spoken):
    """A recording, its motion by the rule, and what is said."""
    recorded(tmp_path, spoken)
    frames = -(-len(spoken.samples) // 640)
    track = SpeechTrack(spoken.samples, (SpokenPart(0, frames, spoken.phones),))
    write_motion_csv(tmp_path / "one.csv", rule_motion(track))
    return tmp_path


def recorded(folder, spoken):
    """Writes a recording and what is said in it."""
    write_wav(folder / "one.wav", spoken.samples, RATE)
    (folder / "one.txt").write_text(TEXT, encoding="utf-8")


class Chewing:
    """A sampler that opens the mouth as its seed says, five frames at a time."""

    def __init__(self, seed):
        self.frame, self._samples, self._random = 0, 0, np.random.default_rng(seed)
        self.state, self.controls, self.heard, self._ended = None, None, 0, False

    def push(self, chunk):
        assert chunk.start_sample == self._samples
        self._samples += len(chunk.samples)

    def end_of_speech(self):
        self._ended = True

    def listen(self, chunk):
        assert chunk.start_sample == self.heard
        self.heard += len(chunk.samples)

    def set_state(self, state):
        self.state = state

    def set_controls(self, controls):
        self.controls = controls

    def interrupt(self, frame):
        raise AssertionError("nobody interrupts an evaluation")

    def frames(self, ready=0):
        known = -(-self._samples // 640) if self._ended else self._samples // 640 - 2
        count = max(0, known - self.frame)
        values = neutral(count)
        values[:, 25] = self._random.random(count) * 0.3
        values[:, 0:2] = np.cumsum(self._random.standard_normal((count, 2)) * 0.002, axis=0)
        if self.controls.gaze is not None:
            values[:, 6:8] = self.controls.gaze
        start, self.frame = self.frame, self.frame + count
        return Motion(values, start)


def sections(report):
    return {section["title"]: {r["measure"]: r for r in section["rows"]} for section in report["sections"]}


def run(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Of a small network that has learned nothing."""
    path = tmp_path_factory.mktemp("weights") / "new.safetensors"
    save_checkpoint(path, untrained(1, DenoiserConfig(width=32, layers=1, heads=2, feed_forward=48)))
    return path


EVERYTHING = ("--minutes", 0.2, "--quick", "--seed", 3, "-q")
"""Of the sampler in every state, and of recordings."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory, spoken):
    """A folder with a recording, and the report of the shipped sampler on held-out speech and on it."""
    folder = tmp_path_factory.mktemp("measured")
    (folder / "clips").mkdir()
    recorded(folder / "clips", spoken)
    done = run("--clips", folder / "clips", *EVERYTHING, "-o", folder / "first.json")
    assert done.exit_code == 0, done.output
    return folder


def test_a_motion_is_measured_against_its_sound_and_text(folder, tmp_path):
    report = tmp_path / "report.html"
    done = run(folder, "--json", "-o", report)
    assert done.exit_code == 0, done.output
    found = sections(json.loads(done.stdout))
    contacts = found["Phonemes"]["p b m: lips' edges ≤ 1 px apart"]["values"]
    # The rule was made from the synthesizer's times, and is measured at the aligned ones.
    assert contacts["motion"] >= 0.9 and contacts["rule"] == 1.0 and contacts["envelope"] < 0.5
    assert found["Phonemes"]["vowel aperture, rank r with rule: tokens"]["values"]["motion"] > 0.7
    assert found["Mouth and sound"]["with log envelope: r at lag 0"]["values"]["envelope"] == pytest.approx(
        1.0, abs=0.05
    )
    page = report.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and "data:image/png;base64," in page
    assert not re.findall(r"(?:src|href)=['\"](?!data:)", page)
    assert not list(tmp_path.glob(".*partial"))


def test_names_are_escaped_in_the_report(tmp_path, folder):
    for suffix in (".wav", ".csv"):
        (folder / f"one{suffix}").rename(folder / f"<b>&one{suffix}")
    (folder / "one.txt").unlink()
    report = tmp_path / "report.html"
    assert run(folder, "-o", report, "-q").exit_code == 0
    page = report.read_text(encoding="utf-8")
    assert "<b>" not in page and "&lt;b&gt;&amp;one" in page


def test_the_tables_are_printed(folder):
    done = run("--audio", folder / "one.wav", "--motion", folder / "one.csv", "--transcript", TEXT)
    assert done.exit_code == 0
    assert "Phonemes" in done.stdout and "Mouth and sound" in done.stdout and "100 %" in done.stdout


def test_the_configured_sampler_is_measured_in_every_state(measured):
    report = json.loads((measured / "first.json").read_text("utf-8"))
    found = sections(report)
    assert {"Phonemes", "Mouth against the rule's", "Behaviour", "Listener's nods", "Commands"} <= found.keys()
    assert "robots only" in report["settings"]["natural voices"]
    contacts = found["Held-out speech"]["p b m: lips' edges ≤ 1 px apart"]
    assert contacts["values"].keys() == {"robot voices"} and contacts["bands"] == {"robot voices": [0.97, None]}
    assert found["Phonemes"]["p b m: lips' edges ≤ 1 px apart"]["values"]["sampler"] > 0.6
    assert found["Mouth against the rule's"]["aperture: r at lag 0"]["values"]["sampler"] > 0.7
    speed = found["Behaviour"]["head speed, rms"]
    assert speed["values"].keys() == {"speaking", "listening", "thinking", "idle"}
    assert speed["bands"]["speaking"] == [5.0, 18.0]
    assert report["settings"]["seed"] == "3"


def test_a_seed_gives_the_same_figures_and_another_one_others(folder, weights):
    (folder / "one.csv").unlink()
    asked = (folder, "--weights", weights, "--quick", "--json", "-q", "--seed")
    first, again, other = (run(*asked, seed).stdout for seed in (3, 3, 4))
    assert first == again
    values = [sections(json.loads(text))["Mouth and sound"]["power at 2–7 Hz"]["values"] for text in (first, other)]
    assert values[0]["sampler"] != values[1]["sampler"] and values[0]["rule"] == values[1]["rule"]


def test_every_state_and_command_reaches_the_sampler(lips, said):
    made = []

    def make(steps):
        made.append((steps, Chewing(len(made))))
        return made[-1][1]

    told = []
    plan = Plan(lips, make, 50, 5, progress=lambda done, note: told.append((done, note)))
    found = evaluate_sampler(plan, said)
    assert [steps for steps, _ in made].count(50) == 1
    assert {sampler.state.value for _, sampler in made} == {"speaking", "listening", "thinking", "idle"}
    assert sum(sampler.heard > 0 for _, sampler in made) == 1
    shares = [done for done, _ in told]
    assert shares == sorted(shares) and shares[-1] == 1.0
    rows = {
        r["measure"]: r["values"] for s in found.as_json()["sections"] if s["title"] == "Commands" for r in s["rows"]
    }
    assert rows["head distance 120%"]["reached"] == 1.0  # a sampler that ignores the command is told so
    assert rows["head distance 120%"]["difference"] == pytest.approx(-0.2)
    for section in found.sections:  # figures are known by their names
        assert len({line.name for line in section.rows}) == len(section.rows), section.title


def test_sound_and_motion_shift_together(folder):
    source = RecordingFiles("one", folder / "one.wav", folder / "one.csv")
    plain, late = read_recording(source), read_recording(source, 5)
    assert np.array_equal(late.track.sound, plain.track.sound[5 * 640 :])
    assert np.array_equal(late.motion, plain.motion[5:])
    early = read_recording(source, -5)
    assert np.array_equal(early.track.sound[5 * 640 :], plain.track.sound) and not early.track.sound[: 5 * 640].any()


def test_files_that_belong_together_are_found(folder):
    (source,) = find_recording_files(folder)
    assert (source.name, source.motion, source.transcript) == ("one", folder / "one.csv", TEXT)
    (folder / "two.mp4").touch()
    with pytest.raises(InputError, match="beside every recording or beside none, 'two' has none"):
        find_recording_files(folder)


def test_a_recording_without_words_has_no_phonemes_and_no_rule(lips, folder):
    read = [read_recording(RecordingFiles("one", folder / "one.wav", folder / "one.csv"))]
    found = evaluate_recordings(Plan(lips, None, None, 5), prepare_recordings(read, folder))
    assert "Phonemes" not in [section.title for section in found.sections]
    assert all("rule" not in section.columns for section in found.sections)


def bad(folder: Path, kind: str) -> list[str]:
    if kind == "short":
        write_wav(folder / "one.wav", np.ones(8000, np.float32) * 0.1, RATE)
    elif kind == "silent":
        write_wav(folder / "one.wav", np.zeros(2 * RATE, np.float32), RATE)
    elif kind == "longer":
        write_motion_csv(folder / "one.csv", neutral(900))
    elif kind == "empty":
        for path in folder.iterdir():
            path.unlink()
    elif kind == "wrong":
        (folder / "one.txt").write_text("not a word of it " * 60, encoding="utf-8")
    return [str(folder)]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("short", "at least 1 s of sound, got 0.50 s"),
        ("silent", "the whole recording is silent"),
        ("longer", "a motion as long as the sound"),
        ("empty", "expected recordings"),
        ("wrong", "does not fit the sound"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(folder, kind, says):
    done = run(*bad(folder, kind), "-q")
    assert isinstance(done.exception, InputError)
    assert says in str(done.exception) and "\n" not in str(done.exception)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--motion", "a.csv"], "--audio FILE or --video FILE to go with --motion"),
        (["x", "--audio", "a.wav"], "a folder or single files"),
        (["x", "--clips", "y"], "these recordings or those"),
        (["--before", "report.html"], "--before: expected a report NAME.json"),
        (["--before", "no-such.json"], "no-such.json"),
        (["--sound-offset", "5"], "recordings to go with --sound-offset"),
        (["--audio", "a.wav", "--sound-offset", "some"], "FRAMES or NAME=FRAMES, a whole number, got 'some'"),
        (["--audio", "a.wav", "--sound-offset", "b=5"], r"the name of a recording (a), got 'b'"),
        (["--audio", "a.wav", "--minutes", "3"], "--minutes is for"),
        (["-o", "report.pdf"], "ends in .html or .htm or .json or .md"),
        (["--audio", "missing.wav"], "expected a sound file"),
    ],
)
def test_options_that_don_t_go_together(arguments, says):
    done = run(*arguments)
    assert isinstance(done.exception, InputError) and says in str(done.exception)


def test_the_sampler_and_recordings_make_one_report(measured, weights, tmp_path):
    first, report = measured / "first.json", tmp_path / "report.md"
    compared = ("--weights", weights, "--before", first, "-o", report, "--json")
    done = run("--clips", measured / "clips", *EVERYTHING, *compared)
    assert done.exit_code == 0, done.output
    before, after = json.loads(first.read_text("utf-8")), json.loads(done.stdout)
    assert before["seeds"] == after["seeds"] == 1
    found = sections(after)
    assert {"Held-out speech", "Phonemes", "Phonemes: recordings", "Mouth and sound: recordings"} <= found.keys()
    speed = found["Behaviour"]["head speed, rms"]
    assert speed["before"]["idle"] == sections(before)["Behaviour"]["head speed, rms"]["values"]["idle"]
    assert "spread" not in speed and speed["values"]["idle"] != speed["before"]["idle"]
    told = after["settings"]["before"]
    assert told.startswith("first.json (weights as shipped, ") and "NOT ALIKE" not in told
    assert "| idle, before | idle |" in report.read_text("utf-8")


@pytest.mark.testdata
def test_a_video_brings_sound_and_mouth(test_data, tmp_path):
    clip = test_data / "video" / "grid_lbax4n.mpg"
    report = tmp_path / "report.html"
    done = run("--video", clip, "--transcript", "lay blue at x four now", "--quick", "--json", "-q", "-o", report)
    assert done.exit_code == 0, done.output
    found = sections(json.loads(done.stdout))
    r = found["Mouth against the video's"]["aperture: r at lag 0"]["values"]
    assert r["sampler"] > 0.4 and r["rule"] > 0.4
    assert found["Phonemes"]["p b m: lips' edges ≤ 1 px apart"]["values"]["rule"] == 1.0
    people = found["Movement as people move: sentences of up to 4 s"]
    assert people.keys() >= {"openings/s", "opening and width, r", "brows, range", "head yaw, range"}
    assert 0.5 < people["lip speed, 95 % (eye distances/s)"]["values"]["real"] < 4.0
    mouths = found["Our mouth against the real one: sentences of up to 4 s"]["grid_lbax4n"]["values"]
    assert mouths["r of the opening"] > 0.4 and mouths["r of drawn and told"] > 0.9
    page = report.read_text(encoding="utf-8")
    assert "grid_lbax4n: the real face over ours" in page and "Real and ours: grid_lbax4n" in page


def test_trained_towers_are_asked_too(folder, tmp_path):
    model = TwoTower(TowerKind.SYNC, TowerConfig(frames=8, stride=1, layers=1, width=32, heads=2, embedding=16))
    mean = (0.1, 0.2, 0.3, 0.4, 0.8, 0.4, 0.3, 0.2, 0.1)
    table = ShiftTable(TABLE_SHIFTS, mean, (0.01,) * 9, 0.7, 0.02, 500, 10)
    save_towers(tmp_path / "sync.safetensors", TrainedTowers(model.eval(), "ten talks", table))
    done = run(folder, "--towers", tmp_path / "sync.safetensors", "--json", "-q")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    section = next(s for s in report["sections"] if s["title"] == "Towers: sync.safetensors (sync)")
    assert "ten talks" in section["note"] and "+0: 0.800" in section["note"]
    cosine = section["rows"][0]["values"]
    assert cosine.keys() == {"motion", "rule", "envelope"} and all(-1.0 <= c <= 1.0 for c in cosine.values())
    missing = run(folder, "--towers", tmp_path / "none.safetensors", "-q")
    assert isinstance(missing.exception, InputError) and "trained towers" in str(missing.exception)
