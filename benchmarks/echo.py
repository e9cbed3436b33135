"""Echo cancelling: what is left of the avatar's voice, how often it takes that for a user, and which words it costs.

A room is simulated: the avatar's speech (hibari) through room responses, delays, jumps of delay, louder and softer
speakers, a moved laptop, clocks that differ, loudspeakers that distort; users are recordings with known words, as loud
as the echo unless said otherwise. Everything is counted in the sound's own time, so a busy machine changes nothing but
the last column. Needs VISAVIS_TEST_DATA.

Run as `python -m benchmarks.echo [--seconds 60] [--only still moved] [--no-words] [--plot echo.png]` in the project's
folder; about a minute a row.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import print_machine
from speech.audio import OUTPUT_RATE_HZ, SPEECH_RATE_HZ, Samples, chunked, resample, rms
from speech.echo.canceller import ReferenceCanceller
from speech.events import SpeechStarted
from speech.files.sound_file import read_audio
from speech.turns.detector import SilenceTurnDetector
from speech.turns.vad import SileroVAD

_RATE = OUTPUT_RATE_HZ
_CHUNK = _RATE // 50
_LOUDNESS = 0.05
"""RMS of users and of echoes, -26 dBFS, while they sound."""
_FIRST_USER_S = 6.0
_BETWEEN_USERS_S = 2.0
_MARGIN_S = 0.3
_BARGE_IN_S = 0.1
_SENTENCES = (
    "Good morning, I am glad that you are here today, and I would like to tell you something about our house.",
    "The library opens at nine in the morning and closes at six in the evening, except on Sundays.",
    "Of course! The train to the airport leaves every fifteen minutes from platform two.",
    "I am a talking face, made from a single photograph, and I answer your questions as well as I can.",
    "Coffee, tea and water are served on the second floor, right beside the big windows.",
    "If you want to know more about the exhibition, just ask me, and I will tell you what I know.",
    "The weather tomorrow will be mostly sunny, with a light wind from the west.",
)


@dataclass(frozen=True, slots=True)
class User:
    """A recording in the stream: samples [start, end), and what is said in it."""

    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True)
class Room:
    """What the microphone hears of the avatar, and when something happens.

    Attributes:
        echo: float32 [N].
        event_s: of a jump, a step or a move; None for none.
    """

    echo: Samples
    event_s: float | None = None


def loud(samples: Samples, level: float = _LOUDNESS) -> Samples:
    """A voice at a loudness that its pauses have no say in."""
    sounding = samples[np.abs(samples) > 0.02 * np.abs(samples).max()]
    return (samples * (level / rms(sounding))).astype(np.float32)


def avatar_speech(seconds: float) -> Samples:
    """Sentence after sentence, with short pauses."""
    from hibari import Hibari

    voice, rng, parts, length = Hibari(), np.random.default_rng(1), list[Samples](), 0
    spoken = [resample(np.asarray(voice(text), np.float32).reshape(-1), 24_000, _RATE) for text in _SENTENCES]
    while length < seconds * _RATE:
        for sound in (
            spoken[len(parts) // 2 % len(spoken)],
            np.zeros(round(_RATE * rng.uniform(0.15, 0.6)), np.float32),
        ):
            parts.append(sound)
            length += len(sound)
    return loud(np.concatenate(parts)[: round(seconds * _RATE)], 0.08)


def users(folder: Path, seconds: float) -> tuple[Samples, list[User]]:
    """English recordings one after the other, over and over."""
    known = [
        (row["path"], row["transcript"])
        for table in ("questions/questions.tsv", "speech/transcripts.tsv")
        for row in csv.DictReader((folder / table).open(encoding="utf-8"), delimiter="\t")
        if row["lang"] == "en" and "barista" not in row["path"]
    ]
    sound, said = np.zeros(round(seconds * _RATE), np.float32), list[User]()
    at = round(_FIRST_USER_S * _RATE)
    while True:
        for path, words in known:
            voice = loud(read_audio(folder / path, _RATE))
            if at + len(voice) + _MARGIN_S * _RATE > len(sound):
                return sound, said
            sound[at : at + len(voice)] = voice
            said.append(User(at, at + len(voice), words))
            at += len(voice) + round(_BETWEEN_USERS_S * _RATE)


class Rooms:
    """All rooms by name; each makes the echo of one speech."""

    def __init__(self, folder: Path, speech: Samples) -> None:
        self._folder, self._speech = folder, speech
        self._event = len(speech) // 2

    def names(self) -> dict[str, Callable[[], Room]]:
        """What there is to measure."""
        still = lambda: self._echo(1, 0.15)  # noqa: E731
        return {
            "80 ms": lambda: Room(self._echo(1, 0.08)),
            "150 ms": lambda: Room(self._echo(2, 0.15)),
            "300 ms": lambda: Room(self._echo(3, 0.3)),
            "delay +80 ms": lambda: self._then(still(), self._echo(1, 0.23)),
            "delay -80 ms": lambda: self._then(still(), self._echo(1, 0.07)),
            "10 dB louder": lambda: self._then(still(), still() * np.float32(10**0.5)),
            "10 dB softer": lambda: self._then(still(), still() * np.float32(10**-0.5)),
            "moved": lambda: self._then(still(), self._echo(2, 0.16)),
            "drift 100 ppm": lambda: Room(self._drifting(still(), 100.0)),
            "drift 200 ppm": lambda: Room(self._drifting(still(), 200.0)),
            "clipping": lambda: Room(self._echo(1, 0.15, lambda sound: np.clip(sound, -0.2, 0.2))),
            "soft distortion": lambda: Room(self._echo(1, 0.15, lambda sound: np.tanh(4.0 * sound) / 4.0)),
            "no echo at all": lambda: Room(np.zeros_like(self._speech)),
        }

    def _echo(self, response: int, delay_s: float, speaker: Callable[[Any], Any] = lambda sound: sound) -> Samples:
        room = read_audio(self._folder / f"noise/sb_rir{response}.wav", _RATE).astype(np.float64)
        room = room[max(0, int(np.argmax(np.abs(room))) - 48) :][: round(0.6 * _RATE)]
        size = 1 << (len(self._speech) + len(room)).bit_length()
        wet = np.fft.irfft(np.fft.rfft(speaker(self._speech), size) * np.fft.rfft(room, size))[: len(self._speech)]
        delay = round(delay_s * _RATE)
        return loud(np.concatenate((np.zeros(delay), wet))[: len(wet)])

    def _then(self, before: Samples, after: Samples) -> Room:
        return Room(np.concatenate((before[: self._event], after[self._event :])), self._event / _RATE)

    def _drifting(self, echo: Samples, ppm: float) -> Samples:
        at = np.arange(len(echo)) * (1.0 + ppm * 1e-6)
        return np.interp(at, np.arange(len(echo)), echo).astype(np.float32)


def cancelled(heard: Samples, played: Samples) -> tuple[Samples, Samples, float]:
    """Words, voice, and seconds of the processor for each second of sound."""
    canceller, began = ReferenceCanceller(), time.thread_time()
    clean = [
        canceller.push(heard[at : at + _CHUNK], played[at : at + _CHUNK])
        for at in range(0, len(heard) - len(heard) % _CHUNK, _CHUNK)
    ]
    load = (time.thread_time() - began) / (len(heard) / _RATE)
    return np.concatenate([one.words for one in clean]), np.concatenate([one.voice for one in clean]), load


def onsets(voice: Samples) -> list[float]:
    """Seconds at which a barge-in would be noticed."""
    detector = SilenceTurnDetector(SileroVAD(), min_speech_s=_BARGE_IN_S, end_of_turn_s=0.44)
    return [
        chunk.end_sample / _RATE
        for chunk in chunked(voice, _RATE, _CHUNK)
        for event in detector.push(chunk)
        if isinstance(event, SpeechStarted)
    ]


class Words:
    """The embedded ring's recogniser."""

    def __init__(self) -> None:
        from faster_whisper import WhisperModel

        from agent.config.config import load_config
        from agent.models.weights import ears_model

        path = ears_model(
            load_config(None, ["ears.backend=faster-whisper", "ears.model=tiny.en"], {}), "faster-whisper"
        )
        self._model = WhisperModel(str(path), device="cpu", compute_type="int8", cpu_threads=1)

    def errors(self, sound: Samples, said: list[User]) -> float:
        """Word errors over all users: substituted, missing and added words, of all words."""
        wrong = total = 0
        for user in said:
            margin = round(_MARGIN_S * _RATE)
            piece = resample(sound[max(0, user.start - margin) : user.end + margin], _RATE, SPEECH_RATE_HZ)
            segments, _ = self._model.transcribe(
                piece, language="en", beam_size=1, temperature=0.0, condition_on_previous_text=False
            )
            right, heard = plain(user.words), plain(" ".join(segment.text for segment in segments))
            wrong += min(distance(right, heard), len(right))
            total += len(right)
        return wrong / max(total, 1)


def plain(text: str) -> list[str]:
    """Words as they are compared: lower case, figures spoken."""
    figures = {"1": "one", "3": "three", "4": "four", "5": "five", "7": "seven", "8": "eight", "10": "ten"}
    words = re.sub(r"[^a-z0-9 ]", " ", text.lower().replace("'s", " s")).split()
    return [figures.get(word, word) for word in words]


def distance(right: list[str], heard: list[str]) -> int:
    """Levenshtein's, in words."""
    row = list(range(len(heard) + 1))
    for index, word in enumerate(right, 1):
        above, row = row, [index]
        for place, other in enumerate(heard, 1):
            row.append(min(above[place] + 1, row[-1] + 1, above[place - 1] + (word != other)))
    return row[-1]


def quieter_db(before: Samples, after: Samples) -> float:
    """How much softer a sound has become."""
    return 20.0 * float(np.log10(max(rms(before), 1e-9) / max(rms(after), 1e-9)))


def levels_db(sound: Samples) -> Samples:
    """Loudness of each quarter of a second, dBFS."""
    window = _RATE // 4
    pieces = sound[: len(sound) // window * window].reshape(-1, window)
    return (20.0 * np.log10(np.sqrt(np.mean(np.square(pieces), axis=1)) + 1e-5)).astype(np.float32)


def recovery_s(echo: Samples, left: Samples, from_s: float) -> float:
    """How long from a moment until the echo is 10 dB softer, taken over a second; infinite where it never is."""
    for tenth in range(int((len(left) / _RATE - from_s - 1.0) * 10)):
        start = round((from_s + tenth / 10) * _RATE)
        if (
            rms(echo[start : start + _RATE]) > 0.01
            and quieter_db(echo[start : start + _RATE], left[start : start + _RATE]) > 10.0
        ):
            return tenth / 10 + 1.0
    return float("inf")


def rows(
    rooms: Rooms, names: list[str], speech: Samples, user: Samples, said: list[User], words: Words | None
) -> Iterator[tuple[str, Room, Samples]]:
    """Measures and prints each room; yields what was left of its echo."""
    hiss = (10 ** (-65 / 20) * np.random.default_rng(0).standard_normal(len(speech))).astype(np.float32)
    user = user[: len(speech)]
    alone = f"{100 * words.errors(user + hiss, said):.1f} %" if words else "-"
    delay_s = median_delay(onsets(user + hiss), said)[1]
    print(f"word errors of the users alone: {alone}; barge-ins noticed after (median): {delay_s:.2f} s")
    print(
        "| room | ERLE dB | to -10 dB s | after the event s | false onsets | missed | noticed s | word errors | core |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        room = rooms.names()[name]()
        left, voice, load = cancelled(room.echo + hiss, speech)
        both, both_voice, _ = cancelled(room.echo + user + hiss, speech)
        missed, delay_s = median_delay(onsets(both_voice), said)
        errors = f"{100 * words.errors(both, said):.1f} %" if words else "-"
        settled = slice(len(left) // 4, len(left) // 2)
        after = "" if room.event_s is None else f"{recovery_s(room.echo, left, room.event_s):.1f}"
        cells = [
            name,
            f"{quieter_db(room.echo[settled], left[settled]):.1f}",
            f"{recovery_s(room.echo, left, 0.0):.1f}",
            after,
            f"{len(onsets(voice))}",
            f"{missed} of {len(said)}",
            f"{delay_s:.2f}",
            errors,
            f"{100 * load:.1f} %",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)
        yield name, room, left


def median_delay(noticed: list[float], said: list[User]) -> tuple[int, float]:
    """Users that nobody noticed within a second, and the median time that it took with the others."""
    delays = [
        min((at - user.start / _RATE for at in noticed if -0.3 < at - user.start / _RATE < 1.0), default=None)
        for user in said
    ]
    found = [delay for delay in delays if delay is not None]
    return len(delays) - len(found), float(np.median(found)) if found else float("nan")


def plot(path: str, drawn: list[tuple[str, Room, Samples]]) -> None:
    """The echo's loudness before and after, room by room, with what happened marked."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(drawn), figsize=(9, 1.6 * len(drawn) + 0.5), sharex=True, squeeze=False)
    for (name, room, left), axis in zip(drawn, axes[:, 0], strict=True):
        for sound, colour, label in ((room.echo, "tab:red", "heard"), (left, "tab:blue", "left")):
            level = levels_db(sound)
            axis.plot(np.arange(len(level)) / 4, level, color=colour, label=label, linewidth=1)
        if room.event_s is not None:
            axis.axvline(room.event_s, color="black", linestyle="--")
        axis.set_ylabel(f"{name}\ndBFS", fontsize=8)
        axis.set_ylim(-75, -10)
    axes[0, 0].legend(fontsize=8)
    axes[-1, 0].set_xlabel("s")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the avatar's speech (default %(default)s)")
    parser.add_argument("--only", nargs="+", metavar="ROOM", help="these rooms")
    parser.add_argument("--no-words", action="store_true", help="without the recogniser, which takes most of the time")
    parser.add_argument("--plot", metavar="FILE", help="draws the echo over time")
    options = parser.parse_args()
    if not (folder := os.environ.get("VISAVIS_TEST_DATA")):
        parser.error("VISAVIS_TEST_DATA: expected a folder with speech, questions and noise")
    print_machine("numpy", "scipy", "pywebrtc-audio", "faster-whisper", seconds=options.seconds)
    speech = avatar_speech(options.seconds)
    user, said = users(Path(folder), options.seconds)
    rooms = Rooms(Path(folder), speech)
    names = options.only or list(rooms.names())
    drawn = list(rows(rooms, names, speech, user, said, None if options.no_words else Words()))
    if options.plot:
        plot(options.plot, drawn)


if __name__ == "__main__":
    main()
