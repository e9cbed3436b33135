"""A Piper voice on disk: a network (.onnx) with its settings in a .json beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speech.errors import InputError
from speech.files.input_file import check_input_file, read_input_file

_MOST_SETTINGS_BYTES = 4_000_000
_SPECIAL = ("_", "^", "$")


@dataclass(frozen=True, slots=True)
class PiperVoice:
    """What the settings say.

    Attributes:
        network: the .onnx file.
        sample_rate_hz: of its sound.
        language: BCP 47 tag, lower case: "en-us".
        espeak_voice: the voice of eSpeak NG that reads its text; None where it is read letter by letter.
        symbols: symbol → its numbers in the network.
        scales: noise of the sound, factor on all durations, noise of the durations.
        speakers: name → number; with one speaker, the data set's name or "default".
    """

    network: Path
    sample_rate_hz: int
    language: str
    espeak_voice: str | None
    symbols: dict[str, list[int]]
    scales: tuple[float, float, float]
    speakers: dict[str, int]


def open_piper_voice(network: Path) -> PiperVoice:
    """Reads a voice's settings.

    Args:
        network: its .onnx file; NAME.onnx.json (or NAME.json) is beside it.

    Raises:
        InputError: one of both is missing or damaged, or it is a voice of another kind.
    """
    check_input_file(network, "a Piper voice (.onnx)")
    beside = (network.with_name(f"{network.name}.json"), network.with_suffix(".json"))
    file = next((path for path in beside if path.is_file()), beside[0])
    try:
        settings = json.loads(read_input_file(file, "a Piper voice's settings", most_bytes=_MOST_SETTINGS_BYTES))
        return _voice(network, settings)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{file}: expected a Piper voice's settings, got something else: {error!r}") from None


def _voice(network: Path, settings: dict[str, Any]) -> PiperVoice:
    kind = settings.get("phoneme_type", "espeak")
    if kind not in ("espeak", "text"):
        raise InputError(f"{network}: expected a voice that reads with eSpeak NG or letter by letter, got {kind!r}")
    symbols = {
        str(symbol): [int(number) for number in numbers] for symbol, numbers in settings["phoneme_id_map"].items()
    }
    if missing := [symbol for symbol in _SPECIAL if symbol not in symbols]:
        raise InputError(f"{network}: expected a number for the symbol {missing[0]} in its settings, found none")
    inference = settings.get("inference") or {}
    language = (settings.get("language") or {}).get("code") or settings["espeak"]["voice"]
    speakers = settings.get("speaker_id_map") or {str(settings.get("dataset") or "default"): 0}
    return PiperVoice(
        network=network,
        sample_rate_hz=int(settings["audio"]["sample_rate"]),
        language=str(language).replace("_", "-").lower(),
        espeak_voice=str(settings["espeak"]["voice"]) if kind == "espeak" else None,
        symbols=symbols,
        scales=(
            float(inference.get("noise_scale", 0.667)),
            float(inference.get("length_scale", 1.0)),
            float(inference.get("noise_w", 0.8)),
        ),
        speakers={str(name): int(number) for name, number in speakers.items()},
    )
