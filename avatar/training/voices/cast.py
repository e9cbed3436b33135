"""Whose voices training hears, and how often: natural ones as far as they are installed, robots for a tenth at most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from avatar.training.voices.espeak import EspeakVoice
from avatar.training.voices.flite import FliteVoice, flite_voices
from avatar.training.voices.hibari import HibariVoice
from avatar.training.voices.kokoro import KokoroNetwork, kokoro_voices
from avatar.training.voices.piper import PiperVoice
from avatar.training.voices.utterance import TrainingVoice
from avatar.training.voices.voice_files import VoiceFiles

Random = np.random.Generator

# Shares of what is heard. What is missing is made up for by its own kind: robots stay a tenth as long as there is
# anybody else.
KOKORO_SHARE, OTHER_LANGUAGES_SHARE, PIPER_SHARE, HIBARI_SHARE = 0.58, 0.12, 0.12, 0.08
FLITE_SHARE, ESPEAK_SHARE = 0.06, 0.04
ROBOTS_SHARE = FLITE_SHARE + ESPEAK_SHARE

HELD_OUT_FLITE = "awb"
HELD_OUT_VARIANTS = ("+f5", "+m6", "+max", "+aunty")
"""eSpeak NG's, for validation."""
ENGLISH_ACCENTS = ("en-us", "en-us", "en", "en-gb-scotland", "en-gb-x-rp")
"""eSpeak NG's."""
_VARIANTS = (
    *("", "+f1", "+f2", "+f3", "+f4", "+m1", "+m2", "+m3", "+m4", "+m5", "+m7", "+Annie", "+Andy", "+linda"),
    *("+steph", "+Alex", "+klatt2", "+klatt4", "+ed", "+david", "+belinda", "+robert", "+Mike", "+adam"),
)
_ESPEAK_LANGUAGES = ("de", "nl", "pl", "sv", "tr", "ru", "fr", "es", "it", "pt")
_OTHER_LANGUAGE_SHARE = 0.3
"""Of eSpeak NG's part: it is the only one that speaks most of them."""


@dataclass(frozen=True, slots=True)
class _Group:
    share: float
    voices: Sequence[TrainingVoice]
    held_out: Sequence[TrainingVoice] = ()


class Cast:
    """All voices of this machine.

    Args:
        files: of the natural ones.
        report: called with a line if Flite is missing.

    Raises:
        InputError: a file is there, but is not what it should be.
    """

    def __init__(self, files: VoiceFiles, report: Callable[[str], None] = lambda line: None) -> None:
        natural: list[_Group] = []
        if files.kokoro is not None and files.kokoro_styles is not None:
            voices, held_out = kokoro_voices(KokoroNetwork(files.kokoro, files.kokoro_styles))
            english = [voice for voice in voices if voice.language.startswith("en")]
            natural.append(_Group(KOKORO_SHARE, english, held_out))
            natural.append(_Group(OTHER_LANGUAGES_SHARE, [voice for voice in voices if voice not in english]))
        if files.piper:
            natural.append(_Group(PIPER_SHARE, [PiperVoice(path) for path in files.piper]))
        if files.hibari is not None:
            natural.append(_Group(HIBARI_SHARE, [HibariVoice(files.hibari)]))
        robots = [_Group(ESPEAK_SHARE, *_espeak_voices())]
        if named := flite_voices():
            heard = [FliteVoice(name) for name in named if name != HELD_OUT_FLITE]
            robots.append(_Group(FLITE_SHARE, heard, [FliteVoice(HELD_OUT_FLITE)]))
        else:
            report("left out: the voices of Flite: its program is not installed (Debian: apt install flite)")
        parts = [(natural, 1.0 - ROBOTS_SHARE), (robots, ROBOTS_SHARE)]
        self._training = _Lots([(group.share, group.voices) for group in _evened(parts, lambda g: g.voices)])
        self._validation = _Lots([(group.share, group.held_out) for group in _evened(parts, lambda g: g.held_out)])

    @property
    def voices(self) -> list[TrainingVoice]:
        """All of them, those for validation last."""
        return [*self._training.voices, *self._validation.voices]

    @property
    def held_out(self) -> list[TrainingVoice]:
        """Those for validation."""
        return self._validation.voices

    def draw(self, random: Random, *, validation: bool) -> TrainingVoice:
        """A voice; those for validation are never heard in training."""
        return (self._validation if validation else self._training).draw(random)


class _Lots:
    """Voices that are drawn by their group's share, within a group all alike."""

    def __init__(self, groups: Sequence[tuple[float, Sequence[TrainingVoice]]]) -> None:
        self._groups = groups
        shares = np.array([share for share, _ in groups])
        self._shares = shares / shares.sum()

    @property
    def voices(self) -> list[TrainingVoice]:
        return [voice for _, group in self._groups for voice in group]

    def draw(self, random: Random) -> TrainingVoice:
        _, voices = self._groups[int(random.choice(len(self._groups), p=self._shares))]
        return voices[int(random.integers(len(voices)))]


def _evened(
    parts: Sequence[tuple[list[_Group], float]], of_group: Callable[[_Group], Sequence[TrainingVoice]]
) -> list[_Group]:
    """The groups with voices, their shares scaled so that each part keeps its whole."""
    out: list[_Group] = []
    for groups, whole in parts:
        there = [group for group in groups if of_group(group)]
        total = sum(group.share for group in there)
        out += [_Group(group.share / total * whole, group.voices, group.held_out) for group in there]
    return out


def _espeak_voices() -> tuple[list[TrainingVoice], list[TrainingVoice]]:
    english = [EspeakVoice(accent, variant) for accent in ENGLISH_ACCENTS for variant in _VARIANTS]
    count = round(_OTHER_LANGUAGE_SHARE / (1.0 - _OTHER_LANGUAGE_SHARE) * len(english) / len(_ESPEAK_LANGUAGES))
    others = [EspeakVoice(language, variant) for language in _ESPEAK_LANGUAGES for variant in _VARIANTS[:count]]
    held_out = [EspeakVoice(accent, variant) for accent in ENGLISH_ACCENTS for variant in HELD_OUT_VARIANTS]
    return [*english, *others], list(held_out)
