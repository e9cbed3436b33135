"""The process in which faster-whisper listens; `speech.asr.faster_whisper` runs this module with `python -m`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from speech.asr.understood import Understood
from speech.asr.whisper_options import (
    COMPRESSION_THRESHOLD,
    LOGPROB_THRESHOLD,
    NO_SPEECH_THRESHOLD,
    SHORT_PENALTY,
    SHORT_WORDS,
    Setup,
    is_told,
    leave_room_for_the_face,
)
from speech.asr.whisper_streaming import listen_with
from speech.asr.whisper_window import AFTER_THE_SOUND_S, WHOLE_WINDOW_S, Decoded, most_tokens, together, window_frames
from speech.audio import SPEECH_RATE_HZ, Samples
from speech.errors import InputError
from speech.worker.main import Work, serve

_NEEDED = ("model.bin", "config.json", "tokenizer.json")
"""Without its tokenizer faster-whisper would download one."""

_LATEST_BEGIN = 50
"""Whisper's limit for the first mark of time: 1 s, in steps of 0.02 s."""

_COMPUTE_TYPES = {"cpu": "int8", "cuda": "float16"}
"""What faster-whisper recommends for each."""

_KERNELS_KEPT = 8
"""oneDNN, by which CTranslate2 hears, keeps what it made for as many shapes of sound, not for 1,024: with what it works
on that is 0.7 MB for each length of window."""


class Decoder:
    """A Whisper model in CTranslate2's format, ready to understand stretches of sound.

    Args:
        setup: which one, and how it is to listen.

    Raises:
        InputError: the model, the device or the language is not there.
    """

    def __init__(self, setup: Setup) -> None:
        path = _folder(Path(setup.model))
        from faster_whisper.tokenizer import _LANGUAGE_CODES, Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        self._whisper = _load_model(path, _device(setup.device), leave_room_for_the_face())
        is_multilingual = self._whisper.model.is_multilingual
        setup.check_language(_LANGUAGE_CODES, is_multilingual=is_multilingual)
        self._finds_language = is_multilingual and not setup.language
        self._tokenizer = Tokenizer(
            self._whisper.hf_tokenizer, is_multilingual, task="transcribe", language=setup.language or "en"
        )
        prompt = f" {setup.prompt}" if setup.prompt else ""
        self._prompt = [self._tokenizer.sot_prev, *self._tokenizer.encode(prompt)] if prompt else []
        short = f" {SHORT_WORDS}" if setup.language == "en" else ""
        self._short_prompt = [self._tokenizer.sot_prev, *self._tokenizer.encode(short)] if short else []
        self._suppressed = get_suppressed_tokens(self._tokenizer, [-1])
        self._is_accurate = setup.accurate
        self._options: dict[str, Any] = {
            "language": setup.language or None,
            "temperature": setup.temperatures,
            "beam_size": setup.beam_size,
            "initial_prompt": setup.prompt,
            "condition_on_previous_text": False,
            "no_speech_threshold": NO_SPEECH_THRESHOLD,
            "log_prob_threshold": LOGPROB_THRESHOLD,
            "compression_ratio_threshold": COMPRESSION_THRESHOLD,
        }
        # The first time is slow; a whole window after it is as quick as ever.
        self.decode(np.zeros(SPEECH_RATE_HZ, np.float32), lambda: None, AFTER_THE_SOUND_S)

    def __call__(self, sound: Samples, check: Callable[[], None], *, is_interim: bool = False) -> Understood:
        """Understands a stretch; see `whisper_streaming.Decode`. CTranslate2 can't be stopped within its steps.

        Whether the whole window is used depends on the sound alone, so the final words do, too.
        """
        if self._is_accurate or len(sound) > WHOLE_WINDOW_S * SPEECH_RATE_HZ:
            return self._transcribe(sound, check)
        decoded = self.decode(sound, check, AFTER_THE_SOUND_S, is_interim=is_interim)
        if decoded.repeats and not is_interim:
            decoded = self.decode(sound, check, WHOLE_WINDOW_S)
        return together([decoded])

    def _transcribe(self, sound: Samples, check: Callable[[], None]) -> Understood:
        """Sound of any length, window by window."""
        check()
        told = {} if is_told(len(sound) / SPEECH_RATE_HZ) else {"initial_prompt": None}
        segments, _ = self._whisper.transcribe(sound, **(self._options | told))
        decoded = []
        for segment in segments:
            check()
            decoded.append(
                Decoded(
                    segment.text.strip(),
                    segment.avg_logprob,
                    segment.compression_ratio,
                    segment.no_speech_prob,
                )
            )
        return together(decoded)

    def decode(self, sound: Samples, check: Callable[[], None], after_s: float, *, is_interim: bool = False) -> Decoded:
        """Decodes a stretch in one window, by the likeliest token every time.

        Args:
            sound: float32 [N] at 16 kHz, at most 30 s.
            check: called between CTranslate2's steps.
            after_s: what the window has after the sound, seconds; in all at most 30.
            is_interim: nobody needs to know how likely each word is.
        """
        from ctranslate2 import StorageView
        from faster_whisper.transcribe import get_compression_ratio

        seconds = len(sound) / SPEECH_RATE_HZ
        features = self._whisper.feature_extractor(sound)
        window = np.zeros((1, features.shape[0], window_frames(seconds, after_s)), np.float32)
        frames = min(features.shape[1], window.shape[2])
        window[0, :, :frames] = features[:, :frames]
        check()
        model, tokenizer = self._whisper.model, self._tokenizer
        encoded = model.encode(StorageView.from_array(window))
        check()
        begin = list(tokenizer.sot_sequence)
        if self._finds_language:
            ((likeliest, _), *_) = model.detect_language(encoded)[0]
            begin[1] = tokenizer.tokenizer.token_to_id(likeliest)
        most = most_tokens(seconds)
        if is_told(seconds) or is_interim or not self._short_prompt:
            prompt = [*(self._prompt if is_told(seconds) else ()), *begin]
            result = self._generate(encoded, prompt, most, with_logits=not is_interim)
            no_speech = result.no_speech_prob
        else:
            # Whoever is told of words hears some in every cough: whether there are any is asked before.
            no_speech = self._generate(encoded, begin, 1).no_speech_prob
            check()
            prompt = [*self._short_prompt, *begin]
            result = self._generate(encoded, prompt, most, with_logits=True, penalty=SHORT_PENALTY)
        tokens = result.sequences_ids[0]
        text = " ".join(tokenizer.decode([token for token in tokens if token < tokenizer.timestamp_begin]).split())
        return Decoded(
            text,
            result.scores[0] * len(tokens) / (len(tokens) + 1),
            get_compression_ratio(text),
            no_speech,
            is_cut_off=len(tokens) >= most,
            word_probabilities=() if is_interim else self._word_probabilities(tokens, result.logits[0]),
        )

    def _generate(
        self, encoded: Any, prompt: list[int], most: int, *, with_logits: bool = False, penalty: float = 1.0
    ) -> Any:
        """What CTranslate2 finds after the prompt: the likeliest tokens, at most so many."""
        (result,) = self._whisper.model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=max(2 * most, most + len(prompt)),  # half of it is for the prompt
            repetition_penalty=penalty,
            return_scores=True,
            return_logits_vocab=with_logits,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
            max_initial_timestamp_index=_LATEST_BEGIN,
        )
        return result

    def _word_probabilities(self, tokens: list[int], logits: Sequence[Any]) -> tuple[float, ...]:
        """The product of its tokens' probabilities for each word; marks of time count as no words."""
        words: list[float] = []
        for token, step in zip(tokens, logits, strict=False):
            if token >= self._tokenizer.timestamp_begin:
                continue
            scores = np.asarray(step)
            most = scores.max()
            logarithm = float(scores[token] - most - np.log(np.exp(scores - most).sum()))
            if self._tokenizer.decode([token]).startswith(" ") or not words:
                words.append(logarithm)
            else:
                words[-1] += logarithm
        return tuple(float(np.exp(word)) for word in words)


def _folder(path: Path) -> Path:
    missing = [name for name in _NEEDED if not (path / name).is_file()]
    if missing:
        found = f"one without {', '.join(missing)}" if path.is_dir() else "a file" if path.is_file() else "nothing"
        raise InputError(
            f"{path}: expected the folder of a Whisper model for CTranslate2, found {found}; see: visavis fetch --help"
        )
    return path


def _load_model(path: Path, device: str, threads: int) -> Any:
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(_KERNELS_KEPT))  # it looks once, at its first use
    from faster_whisper import WhisperModel

    try:
        return WhisperModel(
            str(path.absolute()), device=device, compute_type=_COMPUTE_TYPES[device], cpu_threads=threads
        )
    except Exception as error:  # whatever somebody's files may raise in three libraries
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(
            f"{path}: expected a Whisper model for CTranslate2, could not read it: {reason}; fetch it again"
        ) from None


def _device(asked: str) -> str:
    import ctranslate2

    has_cuda = ctranslate2.get_cuda_device_count() > 0
    if asked == "auto":
        return "cuda" if has_cuda else "cpu"
    if asked == "cpu" or (asked == "cuda" and has_cuda):
        return asked
    raise InputError(f"device: expected one that CTranslate2 finds, got {asked!r}; set ears.device to 'auto' or 'cpu'")


def load(setup: dict[str, Any]) -> Work:
    """Loads the model; the setup's fields are `Setup`'s."""
    return listen_with(Decoder(Setup(**setup)))


if __name__ == "__main__":
    serve(load)
