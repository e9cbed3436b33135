"""Backends and outputs of installed packages: with settings of their own, used, listed, and told where broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from agent.backends import tables
from agent.backends.choice import chosen_mind, chosen_voice
from agent.backends.making import make_mind, make_voice
from agent.backends.planning import planned_outputs
from agent.backends.voice_list import taken_voice, voices_here
from agent.command_line import app
from agent.config.config import Config, load_config
from agent.doctor.plugins import check_plugins
from agent.knowledge.file import load_knowledge
from avatar.clock import SAMPLES_PER_FRAME
from avatar.motion import neutral
from speech.audio import OUTPUT_RATE_HZ
from speech.errors import BackendError, InputError
from speech.files.sound_file import read_audio

ROOT = Path(__file__).parent.parent

ENTRY_POINTS = """
[visavis.voices]
humming = humming:VOICE
[visavis.outputs]
loudness = humming:OUTPUT
"""

# A voice that hums for each word, and an output that writes down how loud each frame is.
CODE = """
from pathlib import Path
from typing import Annotated

from pydantic import Field

from agent.backends.descriptor import Finding, OutputDescriptor, VoiceBackend
from agent.config.section import FilePath, Section
from speech.tts.base import Voice


class HummingSettings(Section):
    pitch_hz: Annotated[int, Field(ge=50, le=500)] = 100


class LoudnessSettings(Section):
    enabled: bool = False
    file: FilePath = None


def make_voice(context):
    from humming_voice import Humming

    return Humming(context.settings.pitch_hz)


def make_output(context):
    from humming_voice import Loudness

    return Loudness(context.settings.file)


def check(config, settings):
    return None if settings.file else Finding("missing", "no file is named", "set outputs.loudness.file")


VOICE = VoiceBackend(
    name="humming", about="hums", settings=HummingSettings, make=make_voice,
    voices=lambda context: [Voice("low", "en", "A low hum", None, "humming")],
)
OUTPUT = OutputDescriptor(
    name="loudness", about="how loud each frame is", settings=LoudnessSettings, make=make_output, check=check,
)
"""

VOICE_CODE = """
import numpy as np

from speech.audio import AudioChunk
from speech.tts.base import cut_speech

RATE_HZ, WORD_S = 16_000, 0.3


class Humming:
    name, sample_rate_hz, phoneme_set, parallel = "humming", RATE_HZ, "none", 1

    def __init__(self, pitch_hz):
        self._pitch_hz = pitch_hz

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def synthesize(self, text):
        samples = np.arange(round(WORD_S * RATE_HZ) * len(text.split())) / RATE_HZ
        hum = (0.3 * np.sin(2 * np.pi * self._pitch_hz * samples)).astype(np.float32)
        for chunk in cut_speech(hum, RATE_HZ, (), (), chunk_samples=1600):
            yield chunk

    def voices(self):
        return []


class Loudness:
    def __init__(self, path):
        self._path = path

    def __enter__(self):
        self._levels = []
        return self

    def write(self, frame, sound, motion):
        self._levels.append(float(np.sqrt(np.mean(sound ** 2))))

    def __exit__(self, kind, error, trace):
        if kind is None:
            self._path.write_text("\\n".join(map(str, self._levels)))
"""

Add = Callable[..., Path]


@pytest.fixture
def add_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Add]:
    """Installs a package of one or more modules with entry points, into a folder of its own."""
    before = set(sys.modules)

    def add(name: str, entry_points: str, **modules: str) -> Path:
        site = tmp_path / "site" / name
        about = site / f"{name}-1.0.dist-info"
        about.mkdir(parents=True)
        for module, code in modules.items():
            (site / f"{module}.py").write_text(code, encoding="utf-8")
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        (about / "entry_points.txt").write_text(entry_points, encoding="utf-8")
        monkeypatch.syspath_prepend(site)
        return site

    yield add
    for module in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]


@pytest.fixture
def site(add_package: Add) -> Path:
    return add_package("humming", ENTRY_POINTS, humming=CODE, humming_voice=VOICE_CODE)


def config(*overrides: str) -> Config:
    return load_config(None, overrides, {})


@pytest.mark.slow
def test_a_conversation_uses_both_with_settings_of_their_own(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text(
        '[voice]\nbackend = "humming"\n[voice.humming]\npitch_hz = 200\n'
        '[outputs.loudness]\nenabled = true\nfile = "levels.txt"\n[output]\nsize = 256\n',
        "utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    command = [sys.executable, "-m", "agent", "ask", "--text", "What can you do?", "-o", "answer.mp4", "-q"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sound = read_audio(tmp_path / "answer.mp4", OUTPUT_RATE_HZ)
    spectrum = np.abs(np.fft.rfft(sound))
    assert spectrum.argmax() * OUTPUT_RATE_HZ / len(sound) == pytest.approx(200, abs=1), "the pitch that was asked for"
    levels = [float(line) for line in (tmp_path / "levels.txt").read_text().splitlines()]
    with av.open(str(tmp_path / "answer.mp4")) as container:
        assert container.streams.video[0].frames == len(levels)
    assert max(levels) > 0.05 and min(levels) == 0.0

    monkeypatch.chdir(tmp_path)

    def told_here(*arguments: str) -> Any:
        done = CliRunner().invoke(app, [*arguments, "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    listed = told_here("voices")
    assert [row["id"] for row in listed if row["engine"] == "humming"] == ["humming:low"]
    told = told_here("doctor")
    parts = {part["name"]: part for part in told["parts"]}
    assert (parts["humming"]["status"], parts["humming"]["version"], parts["humming"]["detail"]) == (
        "ok",
        "1.0",
        "voice: hums",
    )
    assert parts["loudness"]["detail"] == "output: how loud each frame is"
    assert told["changed"]["voice.humming.pitch_hz"].endswith("config.toml, line 4")
    assert [choice["chosen"] for choice in told["choices"] if choice["what"] == "voice"] == ["humming"]


@pytest.mark.usefixtures("site")
def test_settings_come_from_everywhere_and_are_checked_like_ours(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"

    def refusal(text: str, *overrides: str, **environ: str) -> str:
        file.write_text(text, "utf-8")
        with pytest.raises(InputError) as caught:
            load_config(file, overrides, environ)
        assert "\n" not in str(caught.value)
        return str(caught.value).removeprefix(str(file))

    voice = next(backend for backend in tables.voices(config()) if backend.name == "humming")
    output = next(output for output in tables.outputs(config()) if output.name == "loudness")
    assert config().settings_of(voice) == voice.settings()
    file.write_text('[voice.humming]\npitch_hz = 70\n[outputs.loudness]\nfile = "a.txt"\n', "utf-8")
    read = load_config(file, [], {})
    assert read.settings_of(voice).pitch_hz == 70 and read.settings_of(output).file == tmp_path / "a.txt"
    assert read.source.of("voice.humming.pitch_hz") == f"{file}, line 2"
    read = load_config(file, [], {"VISAVIS_VOICE__HUMMING__PITCH_HZ": "80"})
    assert read.settings_of(voice).pitch_hz == 80
    assert load_config(file, ["voice.humming.pitch_hz=90"], {}).settings_of(voice).pitch_hz == 90

    for text, message in (
        ("[voice.humming]\npich_hz = 7", ", line 2: unknown key 'voice.humming.pich_hz'; did you mean "),
        ("[voice.humming]\npitch_hz = 7", ", line 2: voice.humming.pitch_hz: expected a whole number from 50 to 500"),
        ("[voice]\nhumming = 3", ", line 2: voice.humming: expected a section of keys, [voice.humming], got 3"),
        ("[voice.huming]\npitch_hz = 70", ", line 1: unknown section 'voice.huming'; did you mean 'voice.humming'?"),
        ("[outputs.loudnes]\nenabled = true", ", line 1: unknown section 'outputs.loudnes'; did you mean 'outputs.lou"),
        ("[outputs]\nenabled = true", ", line 2: unknown key 'outputs.enabled'; did you mean "),
    ):
        assert refusal(text).startswith(message), refusal(text)
    assert "did you mean 'voice.humming.pitch_hz'?" in refusal("", "voice.humming.pich_hz=3")
    assert "expected a whole number from 50 to 500, got 'high'" in refusal("", "voice.humming.pitch_hz=high")


@pytest.mark.usefixtures("site")
def test_a_voice_is_named_behind_its_engine() -> None:
    asked = config("voice.voice=humming:low")
    assert chosen_voice(asked).chosen == "humming" and make_voice(asked).name == "humming"
    assert taken_voice(asked) == "humming:low" in [voice.id for voice in voices_here(asked)]
    assert chosen_voice(config()).chosen != "humming", "auto takes none that doesn't ask for it"
    with pytest.raises(InputError, match=r"expected one of 'auto', .*'xtts', 'humming', got 'siri'"):
        chosen_voice(config("voice.backend=siri"))


@pytest.mark.usefixtures("site")
def test_an_output_is_used_where_it_is_enabled(tmp_path: Path) -> None:
    assert planned_outputs(config(), is_live=False) == []
    (planned,) = planned_outputs(
        config("outputs.loudness.enabled=true", f"outputs.loudness.file={tmp_path}"), is_live=False
    )
    assert not planned.is_required
    with (  # the path is a folder's
        pytest.raises(BackendError, match=r"^output 'loudness' of the package humming 1\.0: .*Is a directory"),
        planned.make() as output,
    ):
        output.write(None, np.zeros(SAMPLES_PER_FRAME, np.float32), neutral(1)[0])


PARROT = """
from agent.backends.descriptor import MindBackend
from agent.config.section import NoSettings

def make(context):
    return ("parrot", context.config.mind.name, len(context.knowledge.entries) > 0)

PARROT = MindBackend(name="parrot", about="repeats", settings=NoSettings, make=make, rank=lambda config: 0)
OPENAI = MindBackend(name="openai", about="another", settings=NoSettings, make=make, rank=lambda config: 0)
BROKEN = MindBackend(name="broken", about="is no mind", settings=NoSettings, make=lambda context: 1 / 0)
"""


def test_a_mind_may_be_chosen_by_itself_and_ours_stays_ours(add_package: Add) -> None:
    entry_points = "[visavis.minds]\nparrot = parrot:PARROT\nopenai = parrot:OPENAI\nbroken = parrot:BROKEN\n"
    add_package("parrot", entry_points, parrot=PARROT)
    knowledge = load_knowledge(ROOT / "agent" / "data" / "knowledge.md")
    assert chosen_mind(config()).chosen == "parrot", "it asks for a place before the knowledge file"
    made: object = make_mind(config("mind.backend=parrot", "mind.name=Polly"), knowledge)
    assert made == ("parrot", "Polly", True)
    server = config("mind.backend=openai", "mind.base_url=http://127.0.0.1:1/v1")
    assert type(make_mind(server, knowledge)).__name__ == "OpenAILLM"
    assert tables.problems(config()) == [
        "mind 'openai' of the package parrot 1.0: expected a name of its own, ours stays"
    ]
    with pytest.raises(BackendError, match=r"^mind 'broken' of the package parrot 1\.0: division by zero$"):
        make_mind(config("mind.backend=broken"), knowledge)


def test_broken_packages_are_a_line_each_and_the_rest_works(add_package: Add, tmp_path: Path) -> None:
    add_package("humming", ENTRY_POINTS, humming=CODE, humming_voice=VOICE_CODE)
    add_package("absent", "[visavis.voices]\nabsent = absent:VOICE\n", absent="import nothing_like_this\n")
    add_package("wrong", "[visavis.ears]\nwrong = wrong:EARS\n", wrong="EARS = 3\n")
    add_package("kind", "[visavis.ears]\nkind = humming:VOICE\n")
    add_package("twice", "[visavis.voices]\nhumming = humming:VOICE\n")
    add_package("key", "[visavis.voices]\npitch = humming:VOICE\n")
    add_package("other", "[visavis.voices]\nother = humming:VOICE\n")
    found = config("voice.backend=absent")
    assert tables.problems(found) == [
        "ears 'kind' of the package kind 1.0: expected humming:VOICE to be a descriptor of this kind, got VoiceBackend",
        "ears 'wrong' of the package wrong 1.0: expected wrong:EARS to be a descriptor of this kind, got int",
        "voice 'absent' of the package absent 1.0: could not load absent:VOICE: No module named 'nothing_like_this'",
        "voice 'humming' of the package twice 1.0: expected a name of its own, this one is taken",
        "voice 'other' of the package other 1.0: expected the name of the entry point in humming:VOICE, got 'humming'",
        "voice 'pitch' of the package key 1.0: expected a name of its own, this one is taken",
    ]
    with pytest.raises(InputError, match=r"voice\.backend: voice 'absent' of the package absent 1\.0: could not load"):
        chosen_voice(found)
    assert make_voice(config("voice.backend=humming")).name == "humming"
    file = tmp_path / "mine.toml"
    file.write_text("[voice.absent]\nlevel = 3\n", "utf-8")
    assert load_config(file, [], {}).voice == config().voice, "what is set for it is not looked at"
    parts = {part.name: part for part in check_plugins(found)}
    assert (parts["absent"].status, parts["absent"].version) == ("broken", "1.0")
    assert parts["absent"].detail.endswith("could not load absent:VOICE: No module named 'nothing_like_this'")
    assert parts["loudness"].status == "missing" and parts["loudness"].fix == "set outputs.loudness.file"
