"""The eSpeak NG library, called directly: one engine for the process, used by one thread at a time.

eSpeak NG keeps all its state in globals, so there is one `EspeakEngine` and one worker thread that owns it; whoever
wants to speak hands that thread a job. It is a separate shared library (GPL-3) from the espeakng-loader wheel.
"""

from __future__ import annotations

import ctypes
import functools
import re
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from speech.audio import Samples
from speech.errors import BackendError, InputError

PIECE_MS = 60
"""Length of the pieces eSpeak hands over: computed in about 0.2 ms each, so an abort is felt at once."""

# speak_lib.h
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_PHONEME_EVENTS = 1
_CHARS_UTF8 = 0x1
_PHONEMES_AS_IPA = 0x2
_END_PAUSE = 0x1000
_POSITION_CHARACTER = 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_AMPLITUDE = 60  # of 200; at eSpeak's own 100 some variants clip. The loudness is set afterwards, in floating point.
_NOISE_SEED = 1
_GENDERS = {1: "male", 2: "female"}
_MARKS = re.compile(r"([,.;:!?¡¿…。、！？，；：]+)(?:\s+|$)")
_ANOTHER_LANGUAGE = re.compile(r"\([a-z]{2,3}(?:-[a-z0-9]+)*\)")


class EventType(IntEnum):
    """What eSpeak reports while it speaks; other kinds are left out."""

    WORD = 1
    PHONEME = 7


@dataclass(frozen=True, slots=True)
class EspeakEvent:
    """A word or a phoneme begins.

    Attributes:
        type: which of both.
        sample: where, in samples since the start of this text.
        character: index of the word's first character in the text; for phonemes it says little.
        symbol: the phoneme's mnemonic without its stress mark, "" for words. Mnemonics that begin with "_" are silence.
        stress: of a phoneme: 2 primary, 1 secondary, 0 none.
    """

    type: EventType
    sample: int
    character: int
    symbol: str
    stress: int = 0


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """A voice file: a language's own, or a variant that changes the sound of any language's voice.

    Attributes:
        identifier: path of the file, such as "gmw/en-US", or "!v/f5" for a variant.
        name: for people to read.
        languages: tags it is for, best first, each with its priority (lower fits better).
        gender: "male", "female" or None.
    """

    identifier: str
    name: str
    languages: tuple[tuple[int, str], ...]
    gender: str | None


@dataclass(frozen=True, slots=True)
class EspeakSettings:
    """How to speak.

    Attributes:
        voice: identifier of the voice, with "+variant" where wanted.
        rate_wpm: words a minute, 80 to 450.
        pitch: 0 to 99, 50 is the voice's own.
        pitch_range: liveliness of the intonation, 0 (monotone) to 99, 50 is the voice's own.
    """

    voice: str
    rate_wpm: int
    pitch: int
    pitch_range: int


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("padding", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))

Receiver = Callable[[Samples, list[EspeakEvent]], bool]
"""Takes the next piece of sound, float32 [N], and the events in it; returns whether to go on."""


class EspeakEngine:
    """The loaded library. Don't make one: `espeak_engine()` gives the only one, and its `worker` the only thread.

    Attributes:
        sample_rate_hz: of all sound it makes.
        voices: the languages' own voices.
        variants: what can be added to a voice after "+".
        worker: the thread in which `speak` must be called.
    """

    def __init__(self) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        rate = self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, PIECE_MS, data, _INITIALIZE_PHONEME_EVENTS)
        if rate <= 0:
            raise InputError(
                f"eSpeak NG: expected its data in {data.decode()}, it did not start (code {rate}); "
                "reinstall the package espeakng-loader"
            )
        self.sample_rate_hz: int = rate
        # eSpeak seeds its breath and flutter with the time of day; with this a program speaks alike in every run.
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(_NOISE_SEED))
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self._library.espeak_ListVoices.argtypes = [ctypes.POINTER(_Voice)]
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self.voices = self._list_voices(None)
        self.variants = self._list_voices(b"variant")
        self.worker = ThreadPoolExecutor(1, thread_name_prefix="espeak")
        self._receiver: Receiver | None = None
        self._failure: BaseException | None = None
        self._callback = _Callback(self._receive)  # the library keeps only its address: it must outlive every call
        self._library.espeak_SetSynthCallback(self._callback)

    def _list_voices(self, language: bytes | None) -> tuple[EspeakVoice, ...]:
        wanted = None
        if language is not None:
            tag = ctypes.create_string_buffer(language)
            wanted = ctypes.byref(_Voice(languages=ctypes.cast(tag, ctypes.c_void_p).value))
        listed = self._library.espeak_ListVoices(wanted)
        voices = []
        index = 0
        while listed[index]:
            voice = listed[index].contents
            voices.append(
                EspeakVoice(
                    voice.identifier.decode(),
                    voice.name.decode().strip(),
                    tuple(sorted(_languages(voice.languages))),
                    _GENDERS.get(voice.gender),
                )
            )
            index += 1
        return tuple(voices)

    def speak(self, text: str, settings: EspeakSettings, receiver: Receiver) -> None:
        """Speaks a text, handing over the sound piece by piece; only to be called in the `worker` thread.

        Args:
            text: what to say; no markup.
            settings: how to say it.
            receiver: called with each piece; when it returns False the engine stops.

        Raises:
            InputError: the engine refused the voice.
            BackendError: it failed on the text.
        """
        library = self._library
        if library.espeak_SetVoiceByName(settings.voice.encode()) != 0:
            raise InputError(f"eSpeak NG: expected a voice of its own, could not load {settings.voice!r}")
        library.espeak_SetParameter(_VOLUME, _AMPLITUDE, 0)
        library.espeak_SetParameter(_RATE, settings.rate_wpm, 0)
        library.espeak_SetParameter(_PITCH, settings.pitch, 0)
        library.espeak_SetParameter(_RANGE, settings.pitch_range, 0)
        encoded = text.encode()
        self._receiver, self._failure = receiver, None
        try:
            code = library.espeak_Synth(
                encoded, len(encoded) + 1, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8 | _END_PAUSE, None, None
            )
        finally:
            self._receiver = None
        if self._failure is not None:
            raise self._failure
        if code != 0:
            raise BackendError(f"eSpeak NG: expected a text it can say, it failed with code {code}: {text[:40]!r}")

    def ipa(self, word: str, voice: str) -> str:
        """How a word is pronounced, in the International Phonetic Alphabet; only to be called in the `worker` thread.

        Raises:
            InputError: the engine refused the voice.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise InputError(f"eSpeak NG: expected a voice of its own, could not load {voice!r}")
        text = ctypes.c_char_p(word.encode())
        pieces = []
        while text.value:
            piece = self._library.espeak_TextToPhonemes(ctypes.byref(text), _CHARS_UTF8, _PHONEMES_AS_IPA)
            pieces.append((piece or b"").decode())
        return " ".join(pieces)

    def _receive(self, wave: object, count: int, events: object) -> int:
        """ESpeak's callback: 0 goes on, 1 stops. ctypes would swallow an exception, so it is kept for `speak`."""
        try:
            pcm = np.ctypeslib.as_array(wave, (count,)) if wave and count > 0 else np.zeros(0, np.int16)
            samples = pcm.astype(np.float32) / 32768.0
            assert self._receiver is not None
            return 0 if self._receiver(samples, _read_events(events)) else 1
        except BaseException as failure:
            self._failure = failure
            return 1


def _read_events(events: object) -> list[EspeakEvent]:
    found = []
    index = 0
    while (event := events[index]).type:  # type: ignore[index]
        if event.type == EventType.WORD:
            found.append(EspeakEvent(EventType.WORD, event.sample, event.text_position - 1, ""))
        elif event.type == EventType.PHONEME:
            name = bytes(event.id.string).split(b"\0")[0].decode("utf-8", "replace")
            stress = 2 if "'" in name[:2] else 1 if "," in name[:2] else 0
            symbol = name.lstrip("',%=")
            found.append(EspeakEvent(EventType.PHONEME, event.sample, event.text_position - 1, symbol, stress))
        index += 1
    return found


def _languages(address: int) -> list[tuple[int, str]]:
    """Reads eSpeak's list: a priority byte and a zero-terminated tag, again and again, until a zero priority."""
    languages = []
    while priority := ctypes.c_ubyte.from_address(address).value:
        tag = ctypes.string_at(address + 1)
        languages.append((priority, tag.decode().lower()))
        address += len(tag) + 2
    return languages


@functools.lru_cache(maxsize=1)
def espeak_engine() -> EspeakEngine:
    """Gives the process's only engine, loading it on first use (about 30 ms)."""
    return EspeakEngine()


def ipa_symbols(text: str, voice: str) -> list[str]:
    """What Piper's and other networks are given for a text: IPA, one character each (NFD), with blanks and punctuation.

    Args:
        text: as it is read aloud.
        voice: of eSpeak NG, which reads it: "en-us".

    Raises:
        InputError: there is no such voice.
    """
    *clauses, last = _MARKS.split(f"{text} ")
    read = [f"{_ipa(clause, voice)}{marks[0]} " for clause, marks in zip(clauses[::2], clauses[1::2], strict=True)]
    return list("".join((*read, _ipa(last, voice))).strip())


def _ipa(text: str, voice: str) -> str:
    if not text.strip():
        return ""
    engine = espeak_engine()
    ipa = engine.worker.submit(engine.ipa, text, voice).result()
    return unicodedata.normalize("NFD", _ANOTHER_LANGUAGE.sub("", ipa))
