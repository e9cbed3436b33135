"""Every setting: its type, range, unit and default. agent/data/config.toml says the same to the user."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from avatar.control_timeline import DEFAULT_INTENSITY, FARTHEST_HEAD, MAX_GAZE_DEG, NEAREST_HEAD
from avatar.motion import Controls, Emotion

LONGEST_TEXT = 2000
"""Characters: more than any name or persona needs, and no accident fills a screen with it."""


def _located(value: object, info: ValidationInfo) -> object:
    """A path as it was written → absolute, seen from the folder that the context names; "" → None."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    base = info.context if isinstance(info.context, Path) else Path.cwd()
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise ValueError("no such user's home") from None
    if "\0" in value:
        raise ValueError("no file name holds a NUL")
    return base / path


def _located_portrait(value: object, info: ValidationInfo) -> object:
    """Like `_located`, but a bare word such as "mira" is the name of a shipped portrait and stays as it is."""
    if isinstance(value, str) and not all(letter.isalnum() or letter in "-_" for letter in value):
        return str(_located(value, info) or "")
    return value


def _located_background(value: object, info: ValidationInfo) -> object:
    """Like `_located`, but "blur" and a colour such as "#20405f" stay as they are."""
    if isinstance(value, str) and value.strip() and value != "blur" and not value.startswith("#"):
        return str(_located(value, info))
    return value


def _located_backdrop(value: object, info: ValidationInfo) -> object:
    """Like `_located`, but "photo", "transparent" and a colour such as "#20405f" stay as they are."""
    if isinstance(value, str) and value.strip() and value not in ("photo", "transparent") and value[0] != "#":
        return str(_located(value, info))
    return value


def _located_model(value: object, info: ValidationInfo) -> object:
    """Like `_located`, but only what begins as a path does is one: "Qwen/Qwen2.5-1.5B-Instruct" is a model's name."""
    if isinstance(value, str) and (value.startswith(("/", "./", "../", "~")) or Path(value).is_absolute()):
        return str(_located(value, info))
    return value


def _free_if_empty(value: object) -> object:
    return None if value == "" else value


FilePath = Annotated[Path | None, BeforeValidator(_located)]
"""An absolute path, or None where the setting is "" (what the program ships, or its usual place)."""

FreeDegrees = Annotated[
    Annotated[float, Field(ge=-MAX_GAZE_DEG, le=MAX_GAZE_DEG)] | None, BeforeValidator(_free_if_empty)
]
"""Degrees, or None where the setting is "" (the face decides)."""


NO_DEVICE = "none"
"""What a microphone or a speaker is called where there is to be none."""

BackendName = Annotated[str, Field(max_length=60)]
"""The name of a backend; `agent.backends` checks it against its tables, which installed packages may add to."""

ModelName = Annotated[str, Field(max_length=LONGEST_TEXT), BeforeValidator(_located_model)]
"""A model's name stays as it is; what begins as a path does ("./", "~", "/") becomes an absolute one."""

Device = Literal["auto", "cpu", "cuda", "mps"]


class Section(BaseModel):
    """What all sections share: frozen, strict about types, no key that isn't listed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class RingSection(Section):
    """Which ring of parts works.

    Attributes:
        choice: where weights come from for every backend that is left at "auto": "auto" takes fetched ones, else
            packaged ones, else a backend that needs none; "embedded" never takes fetched ones, nor a server;
            "recommended" takes nothing else.
        models: folder of the fetched weights; None for the user's usual data folder.
    """

    choice: Literal["auto", "embedded", "recommended"] = "auto"
    models: FilePath = None


class PortraitSection(Section):
    """Whose face.

    Attributes:
        path: "" for the first shipped portrait, the name of a shipped one, or an absolute path.
        landmarks: file of points placed by hand on that picture; None where the face is found without.
        cache_dir: folder of analysed portraits; None for the user's usual cache folder.
    """

    path: Annotated[str, BeforeValidator(_located_portrait)] = ""
    landmarks: FilePath = None
    cache_dir: FilePath = None


class EarsSection(Section):
    """How it listens.

    Attributes:
        backend: the speech recogniser, one of `agent.backend_tables.EARS`.
        model: its model: a name that `visavis fetch` knows, or the path of one; "" for the backend's default.
        language: of the speech, such as "en" or "de"; "" lets Whisper find out.
        device: what computes: "auto" takes a GPU where there is one.
        vad_threshold: probability of speech above which the voice detector says "speech".
        end_of_turn_s: seconds of silence that end the user's turn.
        speculate_after_s: seconds of silence after which an answer is prepared, to be thrown away if the user goes on.
        min_speech_s: seconds of speech below which a sound is not a turn.
        barge_in_s: seconds of the user's voice that interrupt the avatar, where the microphone is open meanwhile.
        bias_to_knowledge: whether the words of the knowledge file are expected more.
    """

    backend: BackendName = "auto"
    model: ModelName = ""
    language: Annotated[str, Field(max_length=20)] = "en"
    device: Device = "auto"
    vad_threshold: Annotated[float, Field(ge=0.05, le=0.95)] = 0.5
    end_of_turn_s: Annotated[float, Field(ge=0.1, le=5.0)] = 0.44
    speculate_after_s: Annotated[float, Field(ge=0.1, le=5.0)] = 0.22
    min_speech_s: Annotated[float, Field(ge=0.03, le=2.0)] = 0.2
    barge_in_s: Annotated[float, Field(ge=0.03, le=2.0)] = 0.13
    bias_to_knowledge: bool = True


class MindSection(Section):
    """What it knows and remembers.

    Attributes:
        backend: where replies come from, one of `agent.backend_tables.MINDS`.
        model: of a language model: a name that `visavis fetch` or the server knows, or a folder; "" for the default.
        device: what computes: "auto" takes a GPU where there is one.
        base_url: of an OpenAI-compatible server, such as "http://127.0.0.1:11434/v1" (Ollama).
        api_key_env: environment variable that holds the server's key; the key itself is never in this file.
        persona: who it is, in a few sentences, for a language model; "" for the shipped persona.
        temperature: of a language model: 0 always says the likeliest, higher varies.
        max_tokens: longest reply of a language model, tokens.
        seed: of a language model on this computer: the same seed gives the same conversation the same replies.
        chat: whether a language model chats where the knowledge file has no answer.
        knowledge: Markdown file of what it knows; None for the shipped one.
        name: what it calls itself; "" for the shipped portrait's own name.
        max_history_turns: turns of the conversation that it keeps in mind.
    """

    backend: BackendName = "auto"
    model: ModelName = ""
    device: Device = "auto"
    base_url: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    api_key_env: Annotated[str, Field(max_length=100)] = "OPENAI_API_KEY"
    persona: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.6
    max_tokens: Annotated[int, Field(ge=8, le=4096)] = 220
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    chat: bool = False
    knowledge: FilePath = None
    name: Annotated[str, Field(max_length=40)] = ""
    max_history_turns: Annotated[int, Field(ge=1, le=1000)] = 20


class VoiceSection(Section):
    """How it speaks.

    Attributes:
        backend: the synthesiser, one of `agent.backend_tables.VOICES`.
        voice: its voice, such as "en-us+f3" (eSpeak NG), "slt" (Flite) or a speaker (Coqui, Piper), with or without
            its engine ("pico:de-DE"); or a language, "fr"; "" for the portrait's.
        model: of a neural voice: a name that `visavis fetch` knows, or a folder (Piper: an .onnx file); "" for the
            backend's default.
        language: that it speaks, such as "en" or "en-gb".
        device: what computes: "auto" takes a GPU where there is one.
        sample: recording of the voice that XTTS is to speak with; None for one of its own speakers.
        rate_wpm: words a minute.
        pitch: 0 to 99, 50 is the voice's own (eSpeak NG only).
        volume: ratio, 1 is the voice's own.
    """

    backend: BackendName = "auto"
    voice: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    model: ModelName = ""
    language: Annotated[str, Field(max_length=20)] = "en"
    device: Device = "auto"
    sample: FilePath = None
    rate_wpm: Annotated[int, Field(ge=80, le=300)] = 165
    pitch: Annotated[int, Field(ge=0, le=99)] = 50
    volume: Annotated[float, Field(ge=0.0, le=2.0)] = 1.0


class FaceSection(Section):
    """How the motion of the face is sampled.

    Attributes:
        seed: the same seed gives the same motion.
        steps: network evaluations a block.
        composure: 0 lively, 1 calm, where nothing else is asked at run time (`Controls.composure`).
        nods: share of your pauses that the listener nods at, 0 to 1.
        guidance_audio: classifier-free guidance towards the speech, 0 to 4; see `avatar.sampler.guidance`.
        breathing: how far shoulders and chest rise with each breath, 1 as of a person at rest.
        weights: safetensors file of the sampler; None for the shipped one.
    """

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    steps: Annotated[int, Field(ge=1, le=50)] = 3
    composure: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    nods: Annotated[float, Field(ge=0.0, le=1.0)] = 0.6
    guidance_audio: Annotated[float, Field(ge=0.0, le=4.0)] = 0.0
    breathing: Annotated[float, Field(ge=0.0, le=2.0)] = 1.0
    weights: FilePath = None


class ControlsSection(Section):
    """What is asked of the face from the start; `controls()` gives it in the sampler's own units.

    Composure from the start is `FaceSection.composure`.

    Attributes:
        emotion: which emotion.
        intensity: of the emotion, 0 to 1; neutral has none.
        gaze_yaw_deg: degrees, positive looks to its own left; None is free.
        gaze_pitch_deg: degrees, positive looks up; None is free.
        head_distance: ratio, 1 as in the portrait, larger is farther.
    """

    # A strict enum takes only its own members, and TOML has none.
    emotion: Annotated[Emotion, Field(strict=False)] = Emotion.NEUTRAL
    intensity: Annotated[float, Field(ge=0.0, le=1.0)] = DEFAULT_INTENSITY
    gaze_yaw_deg: FreeDegrees = None
    gaze_pitch_deg: FreeDegrees = None
    head_distance: Annotated[float, Field(ge=NEAREST_HEAD, le=FARTHEST_HEAD)] = 1.0

    def controls(self) -> Controls:
        """The same as `avatar.motion.Controls`: radians; of a gaze with one angle free, that angle is straight."""
        yaw, pitch = self.gaze_yaw_deg, self.gaze_pitch_deg
        gaze = None if yaw is None and pitch is None else (math.radians(yaw or 0.0), math.radians(pitch or 0.0))
        return Controls(gaze, self.head_distance, self.emotion, self.intensity)


class OutputSection(Section):
    """What the picture is, and how it is written into a video file.

    Attributes:
        label: whether every frame says "AI".
        label_corner: where it says so.
        size: width and height of the square picture, pixels.
        background: behind the person: "photo", "transparent", a colour "#rrggbb", or a picture's path.
        full_frame: show the whole photo with the moving head in it.
        video_crf: x264's constant rate factor: lower is better and larger.
        video_preset: x264's preset: slower is smaller.
        subtitles: whether an .srt file is written beside the video.
    """

    label: bool = True
    label_corner: Literal["top-left", "top-right", "bottom-left", "bottom-right"] = "bottom-right"
    size: Annotated[int, Field(ge=256, le=1024, multiple_of=128)] = 512
    background: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), BeforeValidator(_located_backdrop)] = (
        "photo"
    )
    full_frame: bool = False
    # 0 would be lossless, which is a profile that browsers don't play.
    video_crf: Annotated[int, Field(ge=1, le=51)] = 20
    video_preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "superfast"
    subtitles: bool = False


class DevicesSection(Section):
    """Microphone and speakers.

    Attributes:
        microphone: its name, a part of it, or its number; "" for the system's default; `visavis devices` lists them.
        speaker: likewise.
        headphones: the microphone does not hear the avatar, so it stays open while the avatar speaks.
        push_to_talk: the space bar opens and closes the microphone.
        speaker_delay_s: how much later the sound is heard than the system says (Bluetooth), seconds.
    """

    microphone: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    speaker: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    headphones: bool = False
    push_to_talk: bool = False
    speaker_delay_s: Annotated[float, Field(ge=-0.5, le=1.0)] = 0.0


class CameraSection(Section):
    """The virtual camera for meeting programs.

    Attributes:
        enabled: whether frames go to it.
        device: which one, such as "/dev/video10" or "OBS Virtual Camera"; "" for the first that is free.
        size: "512x512", or "1280x720" with the square face on a background.
        background: of the wide picture: "blur" (the portrait, blurred), a colour "#rrggbb", or a picture's path.
    """

    enabled: bool = False
    device: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    size: Literal["512x512", "1280x720"] = "1280x720"
    background: Annotated[str, Field(max_length=LONGEST_TEXT), BeforeValidator(_located_background)] = "blur"


class WindowSection(Section):
    """The preview window.

    Attributes:
        enabled: whether there is one.
        fullscreen: whether it fills the screen, for a kiosk.
    """

    enabled: bool = False
    fullscreen: bool = False


class MqttSection(Section):
    """The connection to an MQTT broker.

    Attributes:
        host: of the broker; "" for no connection.
        port: of the broker.
        base_topic: what all topics begin with.
        username: at the broker; "" for none.
        password_env: environment variable that holds the password; the password itself is never in this file.
        tls: whether the connection is encrypted.
        motion: whether the face's motion is published, 25 messages a second.
    """

    host: Annotated[str, Field(max_length=253)] = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    base_topic: Annotated[str, Field(min_length=1, max_length=200)] = "visavis"
    username: Annotated[str, Field(max_length=200)] = ""
    password_env: Annotated[str, Field(max_length=100)] = "VISAVIS_MQTT_PASSWORD"
    tls: bool = False
    motion: bool = True


class SessionSection(Section):
    """The conversation as a whole.

    Attributes:
        keep_transcripts: folder for every conversation's turns as JSON lines; None keeps them only beside an output
            file that the user asked for.
        idle_lead_s: seconds of face before the first sound of a file.
        idle_tail_s: seconds of face after the last sound of a file.
        thinking_timeout_s: seconds after which a reply that doesn't come is given up.
    """

    keep_transcripts: FilePath = None
    idle_lead_s: Annotated[float, Field(ge=0.0, le=10.0)] = 0.4
    idle_tail_s: Annotated[float, Field(ge=0.0, le=10.0)] = 0.6
    thinking_timeout_s: Annotated[float, Field(ge=1.0, le=600.0)] = 20.0


class LogSection(Section):
    """The log of the commands that run unattended: talk and mirror.

    Attributes:
        folder: where visavis.log is written; None for the user's usual state folder.
        level: what is written: "debug", "info", "warning", "error", or "off" for no file.
        format: "text", or "json" for one JSON object a line.
        words: whether the log holds what was said; else it holds only how long it was.
    """

    folder: FilePath = None
    level: Literal["debug", "info", "warning", "error", "off"] = "info"
    format: Literal["text", "json"] = "text"
    words: bool = False


class Sections(Section):
    """All sections of a configuration file, each optional there."""

    ring: RingSection = RingSection()
    portrait: PortraitSection = PortraitSection()
    ears: EarsSection = EarsSection()
    mind: MindSection = MindSection()
    voice: VoiceSection = VoiceSection()
    face: FaceSection = FaceSection()
    controls: ControlsSection = ControlsSection()
    output: OutputSection = OutputSection()
    devices: DevicesSection = DevicesSection()
    camera: CameraSection = CameraSection()
    window: WindowSection = WindowSection()
    mqtt: MqttSection = MqttSection()
    session: SessionSection = SessionSection()
    log: LogSection = LogSection()


@dataclass(frozen=True, slots=True)
class SettingsSource:
    """Where a configuration came from.

    Attributes:
        file: the file read, and why that one.
        settings: "section.key" → where its value was set ("config.toml, line 12"), for those that were set.
    """

    file: str = "built-in defaults"
    settings: Mapping[str, str] = field(default_factory=dict)

    def of(self, key: str) -> str:
        """Where the value of "section.key" was set."""
        return self.settings.get(key, "default")


class Config(Sections):
    """A whole configuration: the sections, and where they came from."""

    source: SettingsSource = SettingsSource()


KEYS: Mapping[str, type[Section]] = {
    f"{section}.{key}": section_field.annotation
    for section, section_field in Sections.model_fields.items()
    if isinstance(section_field.annotation, type) and issubclass(section_field.annotation, Section)
    for key in section_field.annotation.model_fields
}
"""Every "section.key" there is → the section's model."""
