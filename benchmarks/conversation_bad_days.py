"""What goes wrong around a conversation: said in one line or survived in silence, and the next question answered.

Devices are muted, unplugged, and changed with PulseAudio's own `pactl`; other sounds come from the room.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import users
from benchmarks.conversation_scene import Scene
from benchmarks.emitted import loud_frames
from benchmarks.live import AUDIBLE
from speech.audio import Samples

_SOFTER = 10 ** (-12 / 20)
_ANSWER_S = 8.0


class BadDays:
    """One bad day after the other, in one conversation.

    Args:
        stage: the conversation.
        random: chooses what the avatar says meanwhile.
    """

    def __init__(self, stage: Scene, random: np.random.Generator) -> None:
        self._stage, self._random = stage, random
        self._questions = users.real_questions()
        days: tuple[Callable[[], None], ...] = (
            self._muted, self._unplugged, self._other_rate, self._switched, self._music, self._television, self._cafe,
        )  # fmt: skip
        self._days = list(days)

    def bad_days(self) -> dict[str, Any]:
        """The next one; what was said of it, what it did to the avatar's words, and whether it still answers.

        Returns:
            what: its name; said: the program's own lines; cuts, answers: turns that were cut, or that nobody asked
            for; answered: whether the question after it was.
        """
        stage, day = self._stage, self._days[0]
        self._days = [*self._days[1:], day]
        stage.talker.take()
        day()
        lines = stage.talker.take()
        stage.stop()
        turns = [line["record"] for line in lines if line["kind"] == "turn"]
        said = [line["message"] for line in lines if line["kind"] == "problem"]
        return {
            "part": "bad_days",
            "what": day.__name__.strip("_"),
            "said": said,
            "cuts": sum(record["interrupted"] for record in turns),
            "answers": sum(bool(record["question"]) for record in turns),
            "answered": self._answers(),
        }

    def _answers(self) -> bool:
        """Whether a question is answered within some seconds of its end."""
        question = self._questions[int(self._random.integers(len(self._questions)))]
        self._stage.user(question)[1].wait()
        asked = self._stage.speaker.sample_at(time.monotonic())
        time.sleep(_ANSWER_S)
        answered = bool(loud_frames(self._stage.speaker.samples(asked), AUDIBLE).any())
        self._stage.stop()
        return answered

    # ---- devices

    def _pactl(self, *arguments: str) -> str:
        done = subprocess.run(
            ["pactl", *arguments],
            env=self._stage.server.environ,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return done.stdout

    def _muted(self) -> None:
        self._pactl("set-source-mute", "mic", "1")
        time.sleep(12.0)
        self._pactl("set-source-mute", "mic", "0")
        time.sleep(3.0)

    def _unplugged(self) -> None:
        self._plug_again("")

    def _other_rate(self) -> None:
        self._plug_again("rate=44100")

    def _plug_again(self, option: str) -> None:
        """The microphone goes in the middle of a question, and comes again, maybe at another rate."""
        speaking = self._stage.user(self._questions[0])[1]
        time.sleep(0.5)
        self._pactl("unload-module", "module-remap-source")
        speaking.wait()
        time.sleep(4.0)
        self._pactl("load-module", "module-remap-source", "master=micsink.monitor", "source_name=mic", *option.split())
        self._pactl("set-default-source", "mic")
        time.sleep(14.0)

    def _switched(self) -> None:
        """The avatar's sound goes to another speaker in the middle of a sentence, which nobody hears, and back."""
        number = self._pactl("load-module", "module-null-sink", "sink_name=other", "rate=48000", "channels=1").strip()
        self._stage.monologue(self._random, 15.0)
        time.sleep(3.0)
        for sink in ("other", "speaker"):
            for line in self._pactl("list", "short", "sink-inputs").splitlines():
                if "room" not in line:
                    place = self._pactl("list", "short", "sinks")
                    wanted = next(row.split()[0] for row in place.splitlines() if row.split()[1] == sink)
                    users_sink = next(row.split()[0] for row in place.splitlines() if row.split()[1] == "micsink")
                    if line.split()[1] not in (wanted, users_sink):
                        self._pactl("move-sink-input", line.split()[0], sink)
            time.sleep(3.0)
        self._stage.wait_for_silence(2.5, 30.0)
        self._pactl("unload-module", number)

    # ---- sounds

    def _music(self) -> None:
        self._beside(users.music(0))

    def _television(self) -> None:
        self._beside(users.television(0))

    def _cafe(self) -> None:
        self._beside(users.babble(0))

    def _beside(self, sound: Samples) -> None:
        """The avatar talks while this is to be heard, 12 dB softer than it."""
        with tempfile.NamedTemporaryFile(suffix=".f32") as file:
            Path(file.name).write_bytes(sound.astype("<f4").tobytes())
            self._stage.around.change(background=file.name, background_gain=_SOFTER)
            time.sleep(2.0)
            self._stage.monologue(self._random, 20.0)
            self._stage.wait_for_silence(2.5, 40.0)
            time.sleep(3.0)
            self._stage.around.change(background="")
            time.sleep(1.0)
