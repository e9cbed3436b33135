"""SVOX Pico through the C library inside the package py-nanotts: marked text in, raw sound out.

The package's own Python function hands Pico memory as it comes, and Pico reads some of it before it writes there: the
same text sounds different each time, and takes a different time. With memory that is zero it is the same to the sample,
which `speech.tts.synthesis.pico_marks` needs. This is C code that is given other people's text: use it in a process of
its own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from speech.audio import Samples
from speech.errors import BackendError, InputError

SAMPLE_RATE_HZ = 16_000

_MEMORY_BYTES = 2_500_000  # what the largest voice needs, as the package allots it
_MOST_PUT = 30_000
_MOST_GOT = 4096
_STEP_IDLE, _STEP_BUSY = 200, 201
_NAME_BYTES = 64
_DEFINITION = b"Voice"


class PicoEngine:
    """One of Pico's voices.

    Args:
        library: the C library: the package's extension module, whose symbols are Pico's.
        files: the voice's text analysis and its sound ("de-DE_ta.bin", "de-DE_gl0_sg.bin").

    Raises:
        InputError: the library can't be used, or the files are not Pico's.
    """

    def __init__(self, library: Path, files: Sequence[Path]) -> None:
        try:
            self._pico = ctypes.CDLL(str(library))
            self._speak = (self._pico.pico_putTextUtf8, self._pico.pico_getData)
        except (OSError, AttributeError) as error:
            raise InputError(
                f"expected SVOX Pico's functions in {library}, could not use them: {error}; choose the engine espeak"
            ) from None
        self._files = files
        try:
            self.speak("a", nullcontext)
        except BackendError as error:
            raise InputError(str(error)) from None  # it has loaded the files for the first time

    def speak(self, text: str, turn: Callable[[], AbstractContextManager[object]]) -> Samples:
        """Says a text in Pico's markup; the same text sounds the same, whatever is said between its steps.

        Args:
            text: what stands between "<" and ">" is markup, so other people's text must not have such.
            turn: entered for each step of a few milliseconds; ends it by raising.

        Returns:
            float32 [N], full scale 1, at `SAMPLE_RATE_HZ`.

        Raises:
            BackendError: Pico reports an error.
        """
        memory = ctypes.create_string_buffer(_MEMORY_BYTES)  # all that Pico allocates lies in it
        system = ctypes.c_void_p()
        self._call("initialize", memory, _MEMORY_BYTES, ctypes.byref(system))
        try:
            with turn():
                engine = self._engine(system)
            return self._spoken(engine, text.encode() + b"\0", turn)
        finally:
            self._pico.pico_terminate(ctypes.byref(system))

    def _engine(self, system: ctypes.c_void_p) -> ctypes.c_void_p:
        self._call("createVoiceDefinition", system, _DEFINITION)
        for file in self._files:
            resource, name = ctypes.c_void_p(), ctypes.create_string_buffer(_NAME_BYTES)
            self._call("loadResource", system, str(file).encode(), ctypes.byref(resource))
            self._call("getResourceName", system, resource, name)
            self._call("addResourceToVoiceDefinition", system, _DEFINITION, name)
        engine = ctypes.c_void_p()
        self._call("newEngine", system, _DEFINITION, ctypes.byref(engine))
        return engine

    def _spoken(
        self, engine: ctypes.c_void_p, data: bytes, turn: Callable[[], AbstractContextManager[object]]
    ) -> Samples:
        put_text, get_data = self._speak
        buffer = ctypes.create_string_buffer(_MOST_GOT)
        taken, got, kind = ctypes.c_int16(), ctypes.c_int16(), ctypes.c_int16()
        sound = bytearray()
        while data:
            self._call("putTextUtf8", engine, data, min(len(data), _MOST_PUT), ctypes.byref(taken), function=put_text)
            if taken.value <= 0:
                raise BackendError("expected SVOX Pico to take the text, it took none of it")
            data = data[taken.value :]
            status = _STEP_BUSY
            while status == _STEP_BUSY:
                with turn():
                    status = get_data(engine, buffer, _MOST_GOT, ctypes.byref(got), ctypes.byref(kind))
                sound += buffer.raw[: got.value]
            if status != _STEP_IDLE:
                raise BackendError(f"expected sound from SVOX Pico, it reports the error {status}")
        return np.frombuffer(sound, "<i2").astype(np.float32) / 32768

    def _call(self, name: str, *arguments: Any, function: Any = None) -> None:
        status = (function or getattr(self._pico, f"pico_{name}"))(*arguments)
        if status != 0:
            files = " and ".join(file.name for file in self._files)
            raise BackendError(f"SVOX Pico ({files}): expected pico_{name} to succeed, it reports the error {status}")
