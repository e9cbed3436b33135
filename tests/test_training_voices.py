"""Voices to train on: whose they are, how they are changed, and that their phonemes are where they are heard."""

from __future__ import annotations

import io
import tarfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from agent.models.training_catalogue import KOKORO, KOKORO_STYLES
from agent.models.training_voices import checked_styles, styles_path, training_voices
from avatar.training.phoneme_symbols import visemes_of
from avatar.training.voices.cast import Cast
from avatar.training.voices.change import Throat, lively, stretched, through, whispered, with_effort
from avatar.training.voices.hibari import HibariVoice
from avatar.training.voices.kokoro import HELD_OUT, KokoroNetwork, kokoro_voices
from avatar.training.voices.piper import PiperVoice
from avatar.training.voices.speaking import speeches
from avatar.training.voices.timed_symbols import phones_from_symbols
from avatar.training.voices.utterance import Phone, TrainingVoice, Utterance
from avatar.training.voices.voice_files import VoiceFiles
from scripts import install_weights
from speech.errors import InputError
from tests.carriers import hide_carriers, weights_of

RATE = 16_000
TEXT = "Maybe Bob may put my map back, Pamela."


def test_symbols_become_phones_without_gaps() -> None:
    symbols = "hˈO, ˌaʊt bˈiː."
    bounds = [0.1 * i for i in range(1, len(symbols) + 2)]
    quiet_after_the_comma = np.full(2 * RATE, 0.1, np.float32)
    quiet_after_the_comma[int(0.4 * RATE) : int(0.6 * RATE)] = 1e-4
    phones = phones_from_symbols(symbols, bounds, quiet_after_the_comma)
    assert [phone.symbol for phone in phones] == ["", "h", "O", "", "a", "ʊ", "t", "b", "iː", ""]
    assert [phone.stress for phone in phones] == [0, 0, 2, 0, 1, 1, 0, 0, 2, 0]
    assert phones[0].start_s == 0.0 and phones[-1].end_s == 2.0
    for before, after in pairwise(phones):
        assert before.end_s == after.start_s < after.end_s
    # The blank after the comma is part of the pause, the one before b is not; a mark's time goes to its vowel.
    assert (phones[3].start_s, phones[3].end_s) == pytest.approx((0.4, 0.6))
    assert (phones[7].start_s, phones[7].end_s) == pytest.approx((1.0, 1.2))
    assert {phone.alphabet for phone in phones} == {"ipa"}
    # A last sound that falls silent before the network says so ends there.
    quiet_after_the_comma[int(1.35 * RATE) :] = 1e-4
    *_, last, pause = phones_from_symbols(symbols, bounds, quiet_after_the_comma)
    assert (last.symbol, last.end_s, pause.symbol) == ("iː", pytest.approx(1.35), "")
    # A comma at which nobody pauses is part of the sound before it.
    fluent = phones_from_symbols(symbols, bounds, np.full(2 * RATE, 0.1, np.float32))
    assert [phone.symbol for phone in fluent] == ["", "h", "O", "a", "ʊ", "t", "b", "iː", ""]
    assert (fluent[2].start_s, fluent[2].end_s) == pytest.approx((0.2, 0.6))


def tone(*parts: tuple[str, float, float]) -> Utterance:
    """A buzz of 120 Hz with formants at 600 and 1800 Hz: symbol, seconds and loudness of each phone."""
    pieces, phones, at = [], [], 0.0
    for symbol, length, loud in parts:
        times = np.arange(round(length * RATE)) / RATE + at
        buzz = sum(
            np.exp(-(((120.0 * k - 600.0) / 250.0) ** 2)) * np.sin(2.0 * np.pi * 120.0 * k * times)
            + 0.5 * np.exp(-(((120.0 * k - 1800.0) / 250.0) ** 2)) * np.sin(2.0 * np.pi * 120.0 * k * times)
            for k in range(1, 40)
        )
        pieces.append(loud * 0.1 * buzz)
        phones.append(Phone(symbol, at, at + length))
        at += length
    return Utterance(np.concatenate(pieces).astype(np.float32), tuple(phones), "buzz", "")


SPOKEN = tone(("a", 0.4, 1.0), ("b", 0.2, 0.02), ("a", 0.5, 1.0), ("p", 0.1, 0.0), ("a", 0.4, 1.0))


def formant(samples: np.ndarray) -> float:
    """Middle of what is between 300 and 1100 Hz, Hz."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1.0 / RATE)
    near = (frequencies > 300.0) & (frequencies < 1100.0)
    return float(np.sum(power[near] * frequencies[near]) / np.sum(power[near]))


def period(samples: np.ndarray) -> float:
    """Of the strongest repetition within 4 to 14 ms, in samples."""
    middle = samples[1000:5000].astype(float)
    return 64.0 + float(np.argmax([np.dot(middle[lag:], middle[: len(middle) - lag]) for lag in range(64, 224)]))


@pytest.mark.parametrize(("pitch", "formants"), [(1.0, 1.15), (1.2, 1.0), (0.85, 1.1)])
def test_pitch_and_formants_change_apart(pitch: float, formants: float) -> None:
    changed = through(Throat(pitch, formants), SPOKEN)
    vowel = changed.samples[: int(changed.phones[0].end_s * RATE)]
    assert period(vowel) == pytest.approx(RATE / 120.0 / pitch, rel=0.02)
    assert formant(vowel) == pytest.approx(600.0 * formants, rel=0.1)
    assert len(changed.samples) == pytest.approx(len(SPOKEN.samples) / pitch, abs=2)


@pytest.mark.parametrize("change", ["throat", "faster", "whispered", "effort", "lively"])
def test_phones_stay_with_their_sound(change: str) -> None:
    random = np.random.default_rng(1)
    changed = {
        "throat": lambda: through(Throat(1.2, 0.9), SPOKEN),
        "faster": lambda: stretched(SPOKEN, 1.3),
        "whispered": lambda: whispered(SPOKEN, random),
        "effort": lambda: with_effort(SPOKEN, 1.0),
        "lively": lambda: lively(SPOKEN, 2.0, random),
    }[change]()
    levels = [
        np.sqrt(np.square(changed.samples[int(p.start_s * RATE) + 200 : int(p.end_s * RATE) - 200]).mean())
        for p in changed.phones
    ]
    assert [phone.symbol for phone in changed.phones] == ["a", "b", "a", "p", "a"]
    assert min(levels[0], levels[2], levels[4]) > 8.0 * max(levels[1], levels[3])
    if change == "whispered":
        assert abs(period(changed.samples) - RATE / 120.0) > 0.5


def test_effort_tilts_the_spectrum() -> None:
    soft, loud = (formant(with_effort(SPOKEN, effort).samples) for effort in (-1.0, 1.0))
    assert soft < formant(SPOKEN.samples) < loud


class _Styles(KokoroNetwork):
    """Without files: names of voices alone."""

    def __init__(self) -> None:
        self.styles = {name: np.zeros((510, 256), np.float32) for name in ("af_a", "bm_b", "ff_c", "jf_d", *HELD_OUT)}


def test_kokoros_voices_are_people_and_mixtures_and_some_are_held_out() -> None:
    voices, held_out = kokoro_voices(_Styles())
    heard = {name for voice in voices for name, _ in voice.styles}  # type: ignore[attr-defined]
    assert heard == {"af_a", "bm_b", "ff_c", "jf_d"}
    assert {voice.name for voice in held_out} == {f"kokoro {name}" for name in HELD_OUT}
    assert all(sum(share for _, share in voice.styles) == pytest.approx(1.0) for voice in voices)  # type: ignore[attr-defined]
    assert {voice.language for voice in voices} == {"en-us", "en-gb", "fr"}


def test_robots_are_a_tenth_and_held_out_voices_stay_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avatar.training.voices.cast.KokoroNetwork", lambda *files: _Styles())
    cast = Cast(VoiceFiles(hibari=tmp_path, kokoro=tmp_path, kokoro_styles=tmp_path))
    random = np.random.default_rng(0)
    drawn = [cast.draw(random, validation=False).name.split()[0] for _ in range(3000)]
    assert 0.08 < sum(name in ("espeak", "flite") for name in drawn) / 3000 < 0.12
    assert 0.75 < drawn.count("kokoro") / 3000 < 0.86
    training, validation = ({cast.draw(random, validation=v).name for _ in range(3000)} for v in (False, True))
    assert not training & validation
    assert {f"kokoro {name}" for name in HELD_OUT} <= validation


def test_without_natural_voices_robots_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avatar.training.voices.cast.flite_voices", lambda: ())
    told: list[str] = []
    cast = Cast(VoiceFiles(), told.append)
    names = {cast.draw(np.random.default_rng(i), validation=False).name.split()[0] for i in range(60)}
    assert names == {"espeak"} and len(told) == 1 and "Flite" in told[0]


class _Buzz:
    name, language = "buzz", "fr"

    def speak(self, text: str, *, pace: float, random: np.random.Generator) -> Utterance:
        if text.startswith("B"):
            raise InputError("never says that")
        self.paces.append(pace)
        return SPOKEN

    def __init__(self) -> None:
        self.paces: list[float] = []


def test_what_a_voice_cannot_say_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    voice = _Buzz()
    monkeypatch.setattr(Cast, "draw", lambda self, random, *, validation: voice)
    cast = Cast(VoiceFiles())
    spoken = [u for seed in range(40) for u in speeches(np.random.default_rng(seed), cast, validation=False)]
    assert len(spoken) == len(voice.paces) > 20
    assert min(voice.paces) < 0.85 and max(voice.paces) > 1.15
    assert {np.sign(u.effort) for u in spoken} == {-1.0, 0.0, 1.0}


def lips_of(voice: TrainingVoice) -> list[float]:
    """How much quieter than the sentence it gets in each p and b between other phones, dB."""
    spoken = voice.speak(TEXT, pace=1.0, random=np.random.default_rng(0))
    assert spoken.phones[0].start_s == 0.0
    assert spoken.phones[-1].end_s == pytest.approx(len(spoken.samples) / RATE, abs=1e-3)
    shapes = [visemes_of(phone.symbol, phone.alphabet) for phone in spoken.phones]
    assert shapes.count(("p",)) == 12
    power = np.convolve(np.square(spoken.samples), np.full(160, 1.0 / 160.0), mode="same")
    usual = float(np.percentile(power, 80))
    out = []
    for phone in spoken.phones:
        if phone.symbol in ("p", "b"):
            inside = power[int(phone.start_s * RATE) : max(int(phone.end_s * RATE), int(phone.start_s * RATE) + 1)]
            out.append(10.0 * float(np.log10(inside.min() / usual)))
    return out


@pytest.mark.packaged("hibari/heart", "piper/en_US-joe-medium")
@pytest.mark.parametrize("kind", ["hibari", "piper"])
def test_neural_voices_close_their_lips_where_they_say(kind: str) -> None:
    voice: TrainingVoice = (
        HibariVoice(weights_of("hibari", "heart"))
        if kind == "hibari"
        else PiperVoice(weights_of("piper", "en_US-joe-medium"))
    )
    depths = lips_of(voice)
    assert len(depths) >= 6
    assert np.median(depths) < -12.0


@pytest.fixture
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_what_is_not_installed_is_told_with_the_command(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_carriers(monkeypatch)
    lines: list[str] = []
    assert training_voices(lines.append) == VoiceFiles()
    assert len(lines) == 3
    assert all("\n" not in line and line.startswith("left out: ") for line in lines)
    assert sum("run: make training" in line for line in lines) == 1


def test_altered_styles_are_refused(own_folders: Path) -> None:
    path = styles_path()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * KOKORO_STYLES.size)
    with pytest.raises(InputError, match="its SHA-256 differs"):
        checked_styles()


def test_a_damaged_archive_of_styles_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "styles.tgz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("package/voices/af_x.bin")
        member.size = 100
        archive.addfile(member, io.BytesIO(bytes(100)))
    with pytest.raises(InputError, match="expected Kokoro's voices"):
        _ = KokoroNetwork(tmp_path / "n.onnx", path).styles


def test_without_npm_kokoro_is_left_out_with_its_reason(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install_weights, "_pip", lambda requirements: "")
    monkeypatch.setattr(install_weights.shutil, "which", lambda name: None)
    install_weights.main("training")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(KOKORO.title) and "npm is not installed" in line and line.endswith(KOKORO.without)
