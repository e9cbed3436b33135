"""The settings of what the program reaches the world with: sound devices, camera, window, MQTT."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo

from agent.config.section import LONGEST_TEXT, Section, located

NO_DEVICE = "none"
"""What a microphone or a speaker is called where there is to be none."""


def _located_background(value: object, info: ValidationInfo) -> object:
    """Like `located`, but "blur" and a colour such as "#20405f" stay as they are."""
    if isinstance(value, str) and value.strip() and value != "blur" and not value.startswith("#"):
        return str(located(value, info))
    return value


class DevicesSection(Section):
    """Microphone and speakers.

    Attributes:
        microphone: its name, a part of it, or its number; "" for the system's default; `visavis devices` lists them.
        speaker: likewise.
        headphones: the microphone does not hear the avatar, so nothing need be taken out of what it hears.
        echo_cancelling: the avatar's voice is taken out of what the microphone hears, which stays open meanwhile.
        push_to_talk: the space bar opens and closes the microphone.
        speaker_delay_s: how much later the sound is heard than the system says (Bluetooth), seconds.
    """

    microphone: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    speaker: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    headphones: bool = False
    echo_cancelling: bool = True
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
