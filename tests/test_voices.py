"""Which voice is meant: by a name, by a language, by the person; the list of voices; fetched before packaged ones."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.backends.choice import chosen_voice, with_meant_voice
from agent.backends.making import make_voice
from agent.backends.voice_list import taken_voice, voices_here
from agent.backends.voice_names import espeak_voice, pico_voice
from agent.command_line import app
from agent.config.config import Config, load_config
from agent.models.fetched import models_folder
from speech.errors import InputError
from speech.tts.flite import flite_voices
from tests.carriers import hide_carriers
from tests.fake_models import fake_model


@pytest.fixture(autouse=True)
def _nothing_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def config(**settings: str) -> Config:
    names = {"person": "portrait.path", "models": "ring.models"}
    return load_config(None, [f"{names.get(key, f'voice.{key}')}={value}" for key, value in settings.items()], {})


@pytest.mark.parametrize(
    ("name", "engine", "voice", "model", "language"),
    [
        ("heart", "hibari", "heart", "", "en"),
        ("hibari:heart", "hibari", "heart", "", "en"),
        ("en_US-joe-medium", "piper", "", "en_US-joe-medium", "en-us"),
        ("piper:en_US-joe-medium", "piper", "", "en_US-joe-medium", "en-us"),
        ("pico:de-DE", "pico", "de-DE", "", "de-de"),
        ("it-IT+m", "pico", "it-IT+m", "", "it-it"),
        ("de", "pico", "", "", "de"),
        ("de-at", "pico", "", "", "de-at"),
        ("en-gb", "pico", "", "", "en-gb"),
        ("en-us", "hibari", "", "", "en-us"),
        ("en-us+f3", "espeak", "en-us+f3", "", "en"),
        ("espeak:de", "espeak", "de", "", "de"),
        ("Italian", "espeak", "Italian", "", "en"),
        ("nl", "espeak", "", "", "nl"),
        pytest.param("slt", "flite", "slt", "", "en", marks=pytest.mark.flite),
    ],
)
def test_a_name_decides_the_engine(name: str, engine: str, voice: str, model: str, language: str) -> None:
    asked = config(voice=name)
    meant = with_meant_voice(asked).voice
    assert (chosen_voice(asked).chosen, meant.voice, meant.model, meant.language) == (engine, voice, model, language)
    assert with_meant_voice(with_meant_voice(asked)) == with_meant_voice(asked)
    assert make_voice(asked).name == engine


@pytest.mark.parametrize(
    ("person", "language", "taken"),
    [
        ("mira", "en", "heart"),
        ("jonas", "en", "en_US-joe-medium"),
        ("ada", "en-us", "heart"),
        ("mira", "de", "pico:de-DE"),
        ("jonas", "de", "pico:de-DE+m"),
        ("jonas", "fr-CA", "pico:fr-FR+m"),
        ("mira", "es", "pico:es-ES"),
        ("mira", "it", "pico:it-IT"),
        ("mira", "en-gb", "pico:en-GB"),
        ("mira", "ja", "espeak:ja"),
        ("mira", "zh", "espeak:zh"),
    ],
)
def test_without_a_name_the_language_and_the_person_decide(person: str, language: str, taken: str) -> None:
    assert taken_voice(config(person=person, language=language)) == taken


def test_an_engine_that_is_named_keeps_its_own_names() -> None:
    asked = config(backend="espeak", voice="de")
    assert with_meant_voice(asked) is asked and chosen_voice(asked).chosen == "espeak" and espeak_voice(asked) == "de"
    assert pico_voice(config(backend="pico", language="fr")) == "fr-FR"
    assert espeak_voice(config(language="de", person="jonas")) == "de+edward"


def test_what_nobody_speaks_is_one_clear_line() -> None:
    with pytest.raises(InputError, match=r"voice.voice .*: expected a voice that is here, or a language .*'nobody'"):
        chosen_voice(config(voice="nobody"))
    with pytest.raises(InputError, match=r"voice.language \(.*\): expected a language that a voice here speaks.*'tlh'"):
        chosen_voice(config(language="tlh"))
    with pytest.raises(InputError, match="pico has none of 'nl'; see: visavis voices"):
        make_voice(config(backend="pico", language="nl", model="svox"))
    with pytest.raises(InputError, match="run: visavis fetch piper/de_DE-thorsten-medium"):
        make_voice(config(voice="de_DE-thorsten-medium"))


def test_a_fetched_voice_of_the_language_is_preferred(tmp_path: Path) -> None:
    models = models_folder(config())
    fake_model(models, "piper", "pl_PL-gosia-medium")
    assert taken_voice(config(language="pl")) == "pl_PL-gosia-medium"
    assert taken_voice(config(language="de")) == "pico:de-DE", "a voice of another language is none"
    fake_model(models, "piper", "de_DE-thorsten-medium")
    assert taken_voice(config(language="de")) == taken_voice(config(voice="de")) == "de_DE-thorsten-medium"
    assert taken_voice(config(voice="pico:de-DE")) == "pico:de-DE"
    listed = {voice.id: voice for voice in voices_here(config())}
    assert (listed["de_DE-thorsten-medium"].language, listed["de_DE-thorsten-medium"].gender) == ("de-de", "male")


def test_without_any_weights_flite_and_espeak_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_carriers(monkeypatch)
    assert chosen_voice(config()).chosen == ("flite" if flite_voices() else "espeak")
    assert chosen_voice(config(language="de")).chosen == "espeak"
    assert {voice.engine for voice in voices_here(config())} <= {"flite", "espeak"}


def test_the_list_marks_the_one_that_is_taken() -> None:
    ran = CliRunner().invoke(app, ["voices", "de", "--json"])
    rows = json.loads(ran.stdout)
    assert {row["engine"] for row in rows} >= {"pico", "espeak"} and all(
        row["language"].startswith("de") for row in rows
    )
    assert [row["id"] for row in rows if row["taken"]] == ["pico:de-DE"]
    everything = json.loads(CliRunner().invoke(app, ["voices", "--json"]).stdout)
    assert {"hibari", "piper", "pico", "espeak"} <= {row["engine"] for row in everything}
    assert [row["id"] for row in everything if row["taken"]] == ["heart"]
    for row in everything:
        if row["engine"] in ("hibari", "piper", "pico"):
            assert make_voice(config(voice=row["id"])).name == row["engine"]
