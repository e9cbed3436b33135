"""The configuration: what is right is read, what is wrong stops with its place and the nearest right key."""

import math
import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.config.config import DEFAULT_FILE, Config, load_config
from agent.config.file import LARGEST_FILE_BYTES, key_lines
from agent.config.sections import KEYS, Sections
from avatar.motion import Controls, Emotion
from speech.errors import InputError

ROOT_FILE = Path(__file__).parent.parent / "config.toml"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test begins in a folder without a config.toml."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(text: str | bytes, *overrides: str, **environ: str) -> Config:
    Path("config.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    return load_config(None, overrides, environ)


def refusal(text: str | bytes, *overrides: str, **environ: str) -> str:
    with pytest.raises(InputError) as caught:
        load(text, *overrides, **environ)
    message = str(caught.value)
    assert "\n" not in message and message.isprintable()
    return message


# ---- The files ----


def test_the_packaged_file_holds_every_key_at_the_default_of_the_code() -> None:
    config = load_config(DEFAULT_FILE, [], {})
    assert set(config.source.settings) == set(KEYS)
    assert config.model_copy(update={"source": Config().source}) == Config()


def test_every_key_has_a_comment_with_its_range_or_its_choices() -> None:
    lines = DEFAULT_FILE.read_text().splitlines()
    for key, line in ((".".join(path), n) for path, n in key_lines("\n".join(lines)).items() if len(path) == 2):
        comment = lines[line - 2]
        assert comment.startswith("# ") and comment.endswith((".", "true or false.")), key
        section, name = key.split(".")
        schema = KEYS[key].model_json_schema()
        prop = schema["properties"][name]
        prop = next((part for part in prop.get("anyOf", []) if "minimum" in part), prop)
        for bound in ("minimum", "maximum"):
            if bound in prop:
                assert re.search(rf"(?<![\d.]){prop[bound]:.12g}(?![\d]|\.\d)", comment), f"{section}.{name}: {bound}"
        choices = prop.get("enum", schema.get("$defs", {}).get("Emotion", {}).get("enum", []) if "$ref" in prop else [])
        assert [choice for choice in choices if f'"{choice}"' not in comment] == [], key


def test_there_is_one_file() -> None:
    """The clone's own; a package that is built gets it (test_layout.py)."""
    assert DEFAULT_FILE == ROOT_FILE


# ---- Which file, and what overrides what ----


def test_which_file_is_read(empty_folder: Path) -> None:
    assert load_config(None, [], {}).source.file == f"{DEFAULT_FILE} (the packaged default)"
    for name, rate in (("config.toml", 101), ("named.toml", 102), ("given.toml", 103)):
        Path(name).write_text(f"[voice]\nrate_wpm = {rate}\n")
    assert load_config(None, [], {}).voice.rate_wpm == 101
    environ = {"VISAVIS_CONFIG": "named.toml"}
    assert load_config(None, [], environ).voice.rate_wpm == 102
    assert load_config(Path("given.toml"), [], environ).voice.rate_wpm == 103
    assert load_config(None, [], {"VISAVIS_CONFIG": ""}).voice.rate_wpm == 101  # empty is not set
    assert "given.toml (named with --config)" in load_config(Path("given.toml"), [], {}).source.file


def test_precedence_and_where_each_value_came_from() -> None:
    text = "[voice]\nrate_wpm = 101\npitch = 11\nvolume = 1\n"
    config = load(
        text, "voice.rate_wpm=103", "voice.rate_wpm=104", VISAVIS_VOICE__RATE_WPM="102", VISAVIS_VOICE__PITCH="12"
    )
    assert (config.voice.rate_wpm, config.voice.pitch, config.voice.volume, config.voice.voice) == (104, 12, 1.0, "")
    assert config.source.of("voice.rate_wpm") == "--set 'voice.rate_wpm=104'"
    assert config.source.of("voice.pitch") == "environment variable VISAVIS_VOICE__PITCH"
    assert config.source.of("voice.volume") == "config.toml, line 4"
    assert config.source.of("voice.voice") == "default"


def test_relative_paths_are_seen_from_where_they_are_written(empty_folder: Path) -> None:
    folder = empty_folder / "settings"
    folder.mkdir()
    file = folder / "mine.toml"
    file.write_text('[mind]\nknowledge = "shop.md"\n[portrait]\npath = "anna.jpg"\ncache_dir = "/var/faces"\n')
    config = load_config(file, ["face.weights=w.safetensors"], {"VISAVIS_SESSION__KEEP_TRANSCRIPTS": "kept"})
    assert config.mind.knowledge == folder / "shop.md"
    assert config.portrait.path == str(folder / "anna.jpg")
    assert config.portrait.cache_dir == Path("/var/faces")
    assert config.face.weights == empty_folder / "w.safetensors"
    assert config.session.keep_transcripts == empty_folder / "kept"


def test_a_bare_word_is_a_shipped_portrait_and_empty_is_the_default_one() -> None:
    assert load('[portrait]\npath = "mira"').portrait.path == "mira"
    assert load('[portrait]\npath = ""\n[mind]\nknowledge = " "').mind.knowledge is None
    assert load('[portrait]\npath = "./mira"').portrait.path == str(Path("mira").absolute())


def test_home_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    assert load('[mind]\nknowledge = "~/shop.md"').mind.knowledge == Path("/home/anna/shop.md")


def test_the_environment_and_set_take_bare_words_toml_and_text_that_looks_like_a_number() -> None:
    config = load("", "mind.name=7", 'voice.voice="en-us+f3"', "output.label=false", VISAVIS_CONTROLS__EMOTION="happy")
    assert (config.mind.name, config.voice.voice, config.output.label) == ("7", "en-us+f3", False)
    assert config.controls.emotion is Emotion.HAPPY
    assert load("", "session.keep_transcripts=2026-01-01").session.keep_transcripts == Path.cwd() / "2026-01-01"
    assert load("", "mind.name=a=b").mind.name == "a=b"


def test_a_gaze_can_be_set_free_again() -> None:
    text = "[controls]\ngaze_yaw_deg = 10\ngaze_pitch_deg = 0\n"
    assert load(text).controls.controls().gaze == (math.radians(10), 0.0)
    assert load(text, "controls.gaze_yaw_deg=", "controls.gaze_pitch_deg=").controls.controls().gaze is None
    assert Config().controls.controls() == Controls(None, 1.0, Emotion.NEUTRAL, 0.7)


def test_byte_order_mark_windows_line_ends_and_no_end_of_line() -> None:
    assert load(b"\xef\xbb\xbf[voice]\r\nrate_wpm = 99\r\npitch = 1").voice.rate_wpm == 99
    assert load("").source.file == "config.toml (found in the current folder)"
    assert refusal(b"\xef\xbb\xbf[voice]\r\n\r\nrate = 99\r\n").startswith(
        "config.toml, line 3: unknown key 'voice.rate'"
    )


def test_a_configuration_does_not_change() -> None:
    config = Config()
    with pytest.raises(ValueError, match="frozen"):
        config.voice.rate_wpm = 100


# ---- What is wrong ----


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\n# slow\n[voice]\nraet_wpm = 1",
            "config.toml, line 4: unknown key 'voice.raet_wpm'; did you mean 'voice.rate_wpm'?",
        ),
        ("rate_wpm = 100", "config.toml, line 1: unknown key 'rate_wpm'; did you mean 'voice.rate_wpm'?"),
        ("[face]\nrate_wpm = 100", "config.toml, line 2: unknown key 'face.rate_wpm'; did you mean 'voice.rate_wpm'?"),
        ("[fase]\nseed = 1", "config.toml, line 1: unknown section 'fase'; did you mean 'face'?"),
        ("\n[voce]", "config.toml, line 2: unknown section 'voce'; did you mean 'voice'?"),
        ("[ring]\nqqqqqq = 1", "config.toml, line 2: unknown key 'ring.qqqqqq'; [ring] has choice"),
        ("source = 1", "config.toml, line 1: unknown key 'source'; the sections are ring, portrait, ears, "),
        ("voice = 3", "config.toml, line 1: voice: expected a section of keys, [voice], got 3"),
        ("[[voice]]\npitch = 3", "config.toml, line 1: voice: expected a section of keys, [voice], got a list"),
        (
            "[voice.pitch]\nx = 3",
            "config.toml, line 1: voice.pitch: expected a whole number from 0 to 99, got a section",
        ),
        ("voice.pitch = 100", "config.toml, line 1: voice.pitch: expected a whole number from 0 to 99, got 100"),
        ("[voice]\npitch = 1.0", "config.toml, line 2: voice.pitch: expected a whole number from 0 to 99, got 1.0"),
        ("[voice]\npitch = true", "config.toml, line 2: voice.pitch: expected a whole number from 0 to 99, got true"),
        ("[voice]\nvolume = nan", "config.toml, line 2: voice.volume: expected a number from 0 to 2, got nan"),
        ("[voice]\nvolume = '1'", "config.toml, line 2: voice.volume: expected a number from 0 to 2, got '1'"),
        (
            "[voice]\n'pitch' = [\n1,\n2]",
            "config.toml, line 2: voice.pitch: expected a whole number from 0 to 99, got a list",
        ),
        ('[mind]\nname = """\n\n"""\n[voice]\npitch = -1', "config.toml, line 6: voice.pitch: expected a whole"),
        ("[voice]\npitch = 1000\nx = 1", "config.toml, line 2: voice.pitch"),
        ("[output]\nlabel = 1", "config.toml, line 2: output.label: expected true or false, got 1"),
        ("[camera]\nsize = '4K'", "camera.size: expected one of '512x512', '1280x720', got '4K'"),
        ("[controls]\nemotion = 'hapy'", "controls.emotion: expected one of 'neutral', 'happy', "),
        ("[controls]\ngaze_yaw_deg = 90", 'expected a number from -30 to 30, or "" for free, got 90'),
        ("[mind]\nknowledge = 3", "config.toml, line 2: mind.knowledge: expected a path in quotes, got 3"),
        ('[mind]\nknowledge = "a\\u0000b"', "mind.knowledge: expected a path in quotes, got 'a\\x00b'"),
        ("[mind]\nknowledge = '~no such user/x'", "mind.knowledge: expected a path in quotes"),
        ("[mind]\nname = 2026-01-01", "mind.name: expected text in quotes, at most 40 characters, got 2026-01-01"),
        ("[voice]\npitch = 1\npitch = 2\n", "config.toml, line 3, column 10: expected every key and section once"),
        ("[voice]\n[face]\n[voice]", "config.toml, line 3, column 7: expected every key and section once"),
        ("[voice]\nrate_wpm = fast", "config.toml, line 2, column 12: expected TOML such as"),
        ("[voice]\nvoice = 'slt\n", "config.toml, line 2, column 13: expected TOML such as"),
        ("[voice]\nvoice = [1,\n\n", "config.toml, line 2, column 12: expected TOML such as"),
        ("x = " + "[" * 5000, "config.toml: expected TOML, got brackets nested too deep"),
        ("x = " + "9" * 5000, "config.toml: expected numbers of a sensible length"),
        ("[face]\nseed = 0x" + "f" * 9000, "face.seed: expected a whole number from 0 to 4294967295, got a number of"),
        (
            "[face]\nseed = " + "9" * 99,
            "face.seed: expected a whole number from 0 to 4294967295, got " + "9" * 40 + "…",
        ),
        (b"[voice]\nvoice = 'caf\xe9'", "config.toml, line 2: expected UTF-8 text, got byte 0xe9"),
        (b"\x00\x01", "config.toml, line 1, column 1: expected TOML such as"),
        (
            "#" * (LARGEST_FILE_BYTES + 1),
            "config.toml: expected a configuration file of at most 66 kB, got more",
        ),
    ],
)
def test_mistakes_in_the_file(text: str | bytes, message: str) -> None:
    assert message in refusal(text)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("voice.raet_wpm=1", "--set 'voice.raet_wpm=1': unknown key 'voice.raet_wpm'; did you mean 'voice.rate_wpm'?"),
        ("voice.rate_wpm", "--set 'voice.rate_wpm': expected section.key=value such as voice.rate_wpm=150"),
        ("voice={}", "--set 'voice={}': expected section.key=value such as voice.rate_wpm=150"),
        ("", "--set '': expected section.key=value"),
        ("voice.pitch=high", "voice.pitch: expected a whole number from 0 to 99, got 'high'"),
        ("voice.pitch=", "voice.pitch: expected a whole number from 0 to 99, got ''"),
        ("voice.pitch=1\nx=2", "voice.pitch: expected a whole number from 0 to 99, got '1\\nx=2'"),
        ("voice.pitch=" + "[" * 5000, "voice.pitch: expected a whole number from 0 to 99, got '[[["),
        ("mind.name=\udcff", "mind.name: expected text in quotes, at most 40 characters, got '\\udcff'"),
    ],
)
def test_mistakes_on_the_command_line(override: str, message: str) -> None:
    assert message in refusal("", override)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "VISAVIS_VOICE__RAET_WPM",
            "1",
            "VISAVIS_VOICE__RAET_WPM: unknown setting; did you mean 'VISAVIS_VOICE__RATE_WPM'?",
        ),
        ("VISAVIS_RATE_WPM", "1", "did you mean 'VISAVIS_VOICE__RATE_WPM'?"),
        ("VISAVIS_voice__rate_wpm", "1", "did you mean 'VISAVIS_VOICE__RATE_WPM'?"),
        ("VISAVIS_CONFFIG", "1", "environment variable VISAVIS_CONFFIG: unknown setting; the sections are ring, "),
        (
            "VISAVIS_VOICE__PITCH",
            "high",
            "environment variable VISAVIS_VOICE__PITCH: voice.pitch: expected a whole number",
        ),
    ],
)
def test_mistakes_in_the_environment(variable: str, value: str, message: str) -> None:
    assert message in refusal("", **{variable: value})


def test_reserved_and_foreign_variables_are_left_alone() -> None:
    config = load("", VISAVIS_TEST_DATA="/data", VISAVIS_CONFIG="", PATH="/bin", VOICE__PITCH="x")
    assert config.model_copy(update={"source": Config().source}) == Config()


def test_the_cache_folder_has_a_short_variable_too() -> None:
    assert load("", VISAVIS_CACHE_DIR="/short").portrait.cache_dir == Path("/short")
    both = {"VISAVIS_CACHE_DIR": "/short", "VISAVIS_PORTRAIT__CACHE_DIR": "/long"}
    assert load("", **both).portrait.cache_dir == Path("/long")


def test_files_that_can_not_be_read(empty_folder: Path) -> None:
    fifo = empty_folder / "pipe"
    os.mkfifo(fifo)
    Path("config.toml").symlink_to("nowhere.toml")
    for path, message in (
        (empty_folder, "expected a configuration file, found a folder"),
        (empty_folder / "none.toml", "none.toml: expected a configuration file, found nothing"),
        (
            empty_folder / "a\nb\0.toml",
            "a\\nb\\x00.toml: expected a configuration file, could not open it: embedded null byte",
        ),
        (fifo, "pipe: expected a configuration file, found a pipe"),
        (empty_folder / ("n" * 300), "expected a"),
        (None, "config.toml: expected a configuration file, found nothing"),
    ):
        with pytest.raises(InputError, match=re.escape(message)) as caught:
            load_config(path, [], {})
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[face]\nseed = [\n" + "1,\n" * 20_000 + "]\n", "face.seed: expected a whole number"),
        ('[face]\nseed = """\n' + "]\n" * 30_000 + '"""', "face.seed: expected a whole number"),
        ("a" + ".a" * 20_000 + " = 1", "line 1: expected a line such as key = 1.5, got one of 20000 dots"),
        ("a = " + "[" * 30_000 + "]" * 30_000, "brackets nested too deep"),
        ("".join(f"[a{number}]\n" for number in range(8000)), "unknown key 'a0'"),
    ],
    ids=["list", "text", "dots", "brackets", "sections"],
)
def test_a_file_that_is_hard_to_read_is_read_or_refused_at_once(text: str, message: str) -> None:
    began = time.process_time()
    assert message in refusal(text)
    assert time.process_time() - began < 5.0  # a minute, where time grows with the square of the length


# ---- Anything at all ----

_anything = st.recursive(
    st.one_of(
        st.booleans(), st.integers(), st.floats().map(repr), st.text(max_size=8).map(repr), st.dates(), st.text()
    ),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
_names = st.sampled_from([*KEYS, *Sections.model_fields, *(key.split(".")[1] for key in KEYS)]) | st.text(max_size=6)
_lines = st.one_of(
    st.builds(
        "{} = {}".format, _names, _anything.map(lambda value: str(value).lower() if isinstance(value, bool) else value)
    ),
    st.builds("[{}]".format, _names),
    st.text(),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.lists(_lines, max_size=6).map("\n".join) | st.binary(max_size=40),
    over=st.lists(st.text() | _lines, max_size=2),
)
def test_any_text_is_read_or_refused_in_one_line(text: str | bytes, over: list[str]) -> None:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    Path("config.toml").write_bytes(data)
    try:
        config = load_config(None, over, {"VISAVIS_MIND__NAME": over[0] if over else "Mira"})
    except InputError as error:
        assert "\n" not in str(error) and str(error).isprintable()
    else:
        assert set(config.source.settings) <= set(KEYS)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    blank=st.lists(st.sampled_from(["", "# [voice]", "  # pitch = 1"]), max_size=5),
    style=st.sampled_from(
        ["[voice]\nzzz = 1", "voice.zzz = 1", "voice = {{ zzz = 1 }}", '["voice"]\n"zzz" = """\n{}\n"""']
    ),
)
def test_the_line_is_right_however_the_key_is_written(blank: list[str], style: str) -> None:
    before = ["[face]", "seed = 1"] if style.startswith("[") else []
    text = "\n".join([*before, *blank, style.format("x\n[face]")])
    expected = next(n for n, line in enumerate(text.split("\n"), 1) if "zzz" in line)
    assert f"config.toml, line {expected}: unknown key 'voice.zzz'; [voice] has backend, voice, model," in refusal(text)
