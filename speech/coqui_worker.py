"""The process in which Coqui's models speak.

Run by `speech.neural_tts` as `python -m speech.coqui_worker`; what it says is there too. Its setup:

    kind        "vits" or "xtts"
    config      path of config.json
    checkpoint  path of the weights
    files       (VITS) setting of the configuration → file of the folder
    speaker     name; "" for a model that has only one, or where a sample is given
    sample      (XTTS) path of a recording of the voice, or null
    language    BCP 47 tag
    sample_rate_hz, rate_wpm, volume, device
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from speech.audio import Samples
from speech.errors import InputError
from speech.loudness import CALIBRATION_TEXT, speech_level_dbfs
from speech.speech_shaper import LEAD_IN_S, SpeechShaper, speech_bounds
from speech.word_times import LetterPacer, Span, in_order, letters_of
from speech.worker_main import Call, Work, serve

if TYPE_CHECKING:
    from speech.coqui_models import RawSpeech

_WORDS_PER_MINUTE_SECONDS = 455.0
"""eSpeak NG's rate times the seconds it takes for `CALIBRATION_TEXT` (measured at 130, 165 and 200 words a minute: 453,
455, 459): with it, a rate means the same for all voices."""
_PACE_LIMITS = (0.3, 3.0)
"""Beyond these factors a model's speech falls apart."""
_HOLD_S = 0.2
"""Of a stream that is kept back: room for words that the estimate has not placed when the sound ends."""
NICENESS = 5
"""How much its work stands back: the frames go first."""
_MAX_THREADS = 4


class Model(Protocol):
    """A voice that makes raw sound."""

    streams: bool
    """Whether a sentence comes in pieces, without the times of its words; else in one, with them."""

    def set_pace(self, faster: float) -> None:
        """Speaks this many times as fast as by itself."""
        ...

    def speak(self, words: list[str], check: Callable[[], None]) -> Generator[RawSpeech, None, None]:
        """Says a sentence; `check` ends it by raising when nobody wants it any more. Close it in the end."""
        ...


class Speaker:
    """A model with even loudness and the wanted rate.

    Args:
        model: the voice.
        sample_rate_hz: of its sound.
        rate_wpm: words a minute, on eSpeak NG's scale.
        volume: factor on the even loudness.

    Raises:
        InputError: the model makes no sound.
    """

    def __init__(self, model: Model, *, sample_rate_hz: int, rate_wpm: int, volume: float) -> None:
        self._model, self._rate, self._volume = model, sample_rate_hz, volume
        words = CALIBRATION_TEXT.split()
        pace = 1.0
        # A second look, where it costs little: durations are whole frames, so twice the pace isn't half the time.
        for _ in range(1 if model.streams else 2):
            raw = np.concatenate([_checked(speech.samples) for speech in model.speak(words, _go_on)])
            self._level_dbfs = speech_level_dbfs(raw, sample_rate_hz)
            bounds = speech_bounds(raw, sample_rate_hz, self._level_dbfs) if np.isfinite(self._level_dbfs) else None
            if bounds is None:
                raise InputError("expected sound, the voice says nothing")
            samples = bounds[1] - bounds[0]
            faster = rate_wpm * samples / sample_rate_hz / _WORDS_PER_MINUTE_SECONDS
            before, pace = pace, float(np.clip(pace * faster, *_PACE_LIMITS))
            model.set_pace(pace)
        self._samples_per_letter = samples * before / pace / sum(map(letters_of, words))

    def say(self, call: Call) -> None:
        """Does one call: see `speech.neural_tts`."""
        shaper = SpeechShaper(
            self._rate,
            level_dbfs=self._level_dbfs,
            volume=self._volume,
            pause_s=call.fields["pause_s"],
            hold_s=_HOLD_S if self._model.streams else 0.0,
        )
        with closing(self._model.speak(call.fields["words"], call.check)) as pieces:
            (self._say_stream if self._model.streams else self._say_whole)(call, pieces, shaper)
        if shaper.speech_end == 0:
            raise InputError(f"expected sound, the voice says nothing for {' '.join(call.fields['words'])[:60]!r}")

    def _say_stream(self, call: Call, pieces: Iterator[RawSpeech], shaper: SpeechShaper) -> None:
        pacer = LetterPacer([letters_of(word) for word in call.fields["words"]], self._samples_per_letter)
        for raw in pieces:
            piece = shaper.push(_checked(raw.samples))
            _emit(call, piece.samples, pacer.push(piece.is_speech, more_speech=shaper.speech_held))
        rest = shaper.finish()
        if len(rest.samples):
            _emit(call, rest.samples, pacer.finish(rest.is_speech))

    def _say_whole(self, call: Call, pieces: Iterator[RawSpeech], shaper: SpeechShaper) -> None:
        raw = next(pieces)
        first, end = shaper.push(_checked(raw.samples)), shaper.speech_end
        start = min(round(LEAD_IN_S * self._rate), shaper.dropped)
        spans = in_order([(a - shaper.dropped, b - shaper.dropped) for a, b in raw.words or ()], start, end)
        _emit(call, np.concatenate((first.samples, shaper.finish().samples)), list(enumerate(spans)))


def _emit(call: Call, samples: Samples, words: list[tuple[int, Span]]) -> None:
    """Sends a piece, even an empty one: this is where a call that nobody wants any more ends."""
    fields = {"words": [(number, *span) for number, span in words]}
    call.emit(fields, samples.astype("<f4").tobytes())


def _go_on() -> None:
    """Nobody interrupts the calibration."""


def _checked(samples: Samples) -> Samples:
    if not np.isfinite(samples).all():
        raise InputError("expected sound, the voice's numbers are not finite; its weights may be damaged")
    return samples


def torch_threads() -> int:
    """How many threads PyTorch gets: one core is left to the frames."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_MAX_THREADS, max(1, cores - 1))


def lower_priority() -> None:
    """Lets everything else go first, where the system knows priorities."""
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, 0, max(os.getpriority(os.PRIO_PROCESS, 0), NICENESS))


def load(setup: dict[str, Any]) -> Work:
    """Loads the model and measures the voice."""
    lower_priority()
    try:
        import torch

        from speech.coqui_models import VitsModel, XttsModel
    except (ImportError, OSError) as error:
        raise InputError(
            f"expected working coqui-tts and PyTorch, got {error}; run: pip install 'visavis[coqui]'"
        ) from None
    torch.set_num_threads(torch_threads())
    model: Model = XttsModel(setup) if setup["kind"] == "xtts" else VitsModel(setup)
    speaker = Speaker(model, sample_rate_hz=setup["sample_rate_hz"], rate_wpm=setup["rate_wpm"], volume=setup["volume"])
    return speaker.say


if __name__ == "__main__":
    serve(load, parallel=2)
