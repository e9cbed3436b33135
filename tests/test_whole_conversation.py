"""Everything at once, as on a user's desk: a spoken question in at the microphone, Whisper, a language model, Coqui's
voice, the face out at the virtual camera, the sound out at the speaker, all of it told and steered over MQTT.

Whisper hears with the weights of tiny.en, and SmolLM2 answers. Coqui's voice is a random one, because no package has
weights for it. Everything else is real: PortAudio, openai-whisper, transformers, coqui-tts, pyvirtualcam's own Linux
backend, aiomqtt and mosquitto.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import queue
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from speech.audio import OUTPUT_RATE_HZ, Samples, resample
from speech.tts.flite import FliteTTS
from tests.broker import Mosquitto
from tests.fuse_camera import CameraFrame, FuseCamera, fuse_camera
from tests.live_program import live_program
from tests.pulse import pulse
from tests.smol import SMOL, smol_folder
from tests.test_live_commands import DEVICES
from tests.tiny_voices import tiny_vits

pytestmark = [
    *(pytest.mark.pulse, pytest.mark.mosquitto, pytest.mark.fuse, pytest.mark.espeak_program, pytest.mark.flite),
    pytest.mark.packaged("faster-whisper/tiny.en", SMOL),
    *(pytest.mark.real_time, pytest.mark.measured),
]
QUESTIONS = ("What is your name?", "What can you do?")


def spoken(text: str) -> Samples:
    """A question in Flite's voice."""

    async def say() -> Samples:
        async with FliteTTS(voice="rms") as voice:
            pieces = [chunk.audio.samples async for chunk in voice.synthesize(text)]
            return resample(np.concatenate(pieces), voice.sample_rate_hz, OUTPUT_RATE_HZ)

    return asyncio.run(say())


class Told:
    """What the program publishes, by topic, as it comes."""

    def __init__(self, lines: queue.SimpleQueue[tuple[float, str, str]]) -> None:
        self._lines = lines
        self.messages: list[tuple[float, str, str]] = []

    def wait_for(self, topic: str, *texts: str, within_s: float = 60.0) -> str:
        """Waits for a message that holds these texts; returns it."""
        deadline = time.monotonic() + within_s
        while True:
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"no {texts} on {topic}: {Counter(topic for _, topic, _ in self.messages)}"
            try:
                message = self._lines.get(timeout=left_s)
            except queue.Empty:
                continue
            self.messages.append(message)
            if message[1] == f"visavis/{topic}" and all(text in message[2] for text in texts):
                return message[2]

    def of(self, topic: str) -> list[tuple[float, str]]:
        return [(at_s, payload) for at_s, name, payload in self.messages if name == f"visavis/{topic}"]


@contextmanager
def listening(broker: Mosquitto) -> Iterator[Told]:
    """Debian's own client listens to everything."""
    import threading

    command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-v", "-t", "visavis/#"]
    listener = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    lines: queue.SimpleQueue[tuple[float, str, str]] = queue.SimpleQueue()
    pipe = listener.stdout
    assert pipe is not None

    def read() -> None:
        for line in pipe:
            topic, _, payload = line.rstrip("\n").partition(" ")
            lines.put((time.monotonic(), topic, payload))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield Told(lines)
    finally:
        listener.terminate()
        listener.wait()
        thread.join()
        pipe.close()


def publish(broker: Mosquitto, topic: str, payload: str) -> None:
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", f"visavis/{topic}", "-m", payload]
    subprocess.run(command, check=True)


def taken(camera: FuseCamera) -> list[CameraFrame]:
    """The camera's pictures so far."""
    frames = []
    while not camera.frames.empty():
        frames.append(camera.frames.get())
    return frames


@pytest.fixture(scope="module")
def models(voices_folder: Path, tiny_en_checkpoint: Path) -> dict[str, str]:
    smol_folder()  # made now, so that the program need not do it
    return {
        "ears": str(tiny_en_checkpoint),
        "mind": "",
        "voice": str(tiny_vits(voices_folder, phonemes=True)),
    }


def test_a_whole_conversation(models: dict[str, str], tmp_path: Path) -> None:
    backends = {"ears": "whisper", "mind": "transformers", "voice": "coqui"}
    (tmp_path / "shop.md").write_text("# Name\nMira.\n", encoding="utf-8")
    sections = [f'[{part}]\nbackend = "{backends[part]}"\nmodel = "{models[part]}"' for part in backends]
    sections[1] += f'\nknowledge = "{tmp_path}/shop.md"\ntemperature = 0.0\nmax_tokens = 24'
    (tmp_path / "config.toml").write_text("\n".join(sections), encoding="utf-8")
    questions = [spoken(text) for text in QUESTIONS]
    sound = tmp_path / "sound"
    sound.mkdir()
    with (
        pulse(sound) as server,
        fuse_camera(tmp_path / "camera", 1280, 720) as camera,
        Mosquitto(tmp_path) as broker,
        listening(broker) as told,
    ):
        options = ("--headphones", "--camera", "--set", f"camera.device={camera.device}")
        options += ("--mqtt", f"127.0.0.1:{broker.port}", "--record", "talk.mp4")
        with live_program(server, tmp_path, "talk", *DEVICES, *options) as talking, server.recording() as recording:
            talking.wait_for("speak)", 120)
            told.wait_for("state", "idle")
            for question, text in zip(questions, QUESTIONS, strict=True):
                server.speak(question).wait()
                heard = json.loads(told.wait_for("transcript", '"is_final": true'))
                assert heard["text"] == text
                told.wait_for("state", "speaking")
                reply = json.loads(told.wait_for("reply", '"heard"'))
                assert reply["heard"] == reply["text"] and len(reply["text"].split()) > 1
            before = len(recording.samples())
            publish(broker, "emotion", "happy 0.8")
            publish(broker, "say", "This is a sentence that takes a little while to say, and then another one follows.")
            told.wait_for("state", "speaking")
            time.sleep(1.0)
            publish(broker, "stop", "")
            cut = json.loads(told.wait_for("reply", '"interrupted": true'))
            assert len(cut["heard"]) < len(cut["text"])
            time.sleep(1.0)
            loud = np.abs(recording.samples()[before:]) > 1e-3
            assert loud[: OUTPUT_RATE_HZ * 3].any() and not loud[-OUTPUT_RATE_HZ // 4 :].any(), "stop silences it"
            talking.stop()
            told.wait_for("state", "offline")
            assert talking.process.returncode == 0, talking.said
        pictures = taken(camera)
    _check_states(told)
    _check_motion(told)
    _check_camera(pictures, told)
    records = [json.loads(line) for line in (tmp_path / "talk.jsonl").read_text().splitlines()]
    assert [record["question"] for record in records] == [*QUESTIONS, ""]
    with av.open(str(tmp_path / "talk.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) >= len(pictures)
    # A room without any noise at all sounds like a muted microphone.
    problems = [line for line in talking.said.splitlines() if line.startswith("! ") and "only silence" not in line]
    assert not problems, "nothing went wrong on the way"


def _check_states(told: Told) -> None:
    """Every question: listening, thinking, speaking, and back."""
    states = [payload for _, payload in told.of("state")]
    states = [state for state, before in zip(states, [None, *states], strict=False) if state != before]
    one = ["listening", "thinking", "speaking"]
    assert states[states.index("listening") :][:7] == [*one, "idle", *one]
    assert states[-1] == "offline"


def _motion(told: Told) -> list[tuple[float, dict[str, Any]]]:
    return [(at_s, json.loads(payload)) for at_s, payload in told.of("motion")]


def _spans(told: Told, wanted: str) -> list[tuple[float, float]]:
    states = told.of("state")
    following = [at_s for at_s, _ in states[1:]] + [np.inf]
    return [(at_s, end_s) for (at_s, state), end_s in zip(states, following, strict=True) if state == wanted]


def _is_in(at_s: float, spans: list[tuple[float, float]], margin_s: float) -> bool:
    return any(start + margin_s < at_s < end - margin_s for start, end in spans)


def _check_motion(told: Told) -> None:
    """25 messages a second, whose jaw moves while it speaks and rests while it listens."""
    motion = _motion(told)
    frames = np.diff([message["frame"] for _, message in motion])
    assert np.mean(frames == 1) > 0.9 and frames.min() > 0
    jaw = np.array([message["blendshapes"]["jawOpen"] for _, message in motion])
    speaking = np.array([_is_in(at_s, _spans(told, "speaking"), 0.1) for at_s, _ in motion])
    # A face that has just spoken is still closing its mouth, and one that is about to speak, or thinks, may open it.
    quiet = np.array([_is_in(at_s, _spans(told, "listening"), 0.2) for at_s, _ in motion])
    quiet &= np.array([not _is_in(at_s, _spans(told, "speaking"), -0.5) for at_s, _ in motion])
    assert jaw[speaking].std() > 3 * jaw[quiet].std()


def _check_camera(pictures: list[CameraFrame], told: Told) -> None:
    """25 pictures a second of 1280 x 720, which change as much as the motion that was told at the same time."""
    assert pictures[0].i420.shape == (1080, 1280)
    length_s = pictures[-1].at_s - pictures[0].at_s
    assert len(pictures) == pytest.approx(25 * length_s, rel=0.1)
    motion = _motion(told)
    vectors = [[*message["head"].values(), *message["blendshapes"].values()] for _, message in motion]
    faces = [picture.i420[120:620:2, 400:880:2].astype(np.int16) for picture in pictures]
    per_s: list[np.ndarray] = []
    for values, times in (
        (np.abs(np.diff(np.array(vectors), axis=0)).sum(axis=1), [at_s for at_s, _ in motion]),
        ([np.abs(after - before).mean() for before, after in itertools.pairwise(faces)], [p.at_s for p in pictures]),
    ):
        changed = np.cumsum(np.r_[0.0, values])
        per_s.append(np.diff(np.interp(np.arange(motion[0][0], motion[-1][0], 0.2), times, changed)))
    assert np.corrcoef(*per_s)[0, 1] > 0.6
