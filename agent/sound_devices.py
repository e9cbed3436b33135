"""The configured microphone and speaker as the sound of a conversation."""

from __future__ import annotations

from collections.abc import Callable

from agent.config.config import Config
from agent.config.device_sections import NO_DEVICE
from agent.conversation.live_audio import LiveAudio, NoSound
from speech.devices.sound_card import SoundCard
from speech.devices.speaker_latency import STEPS_S
from speech.echo.base import EchoCanceller
from speech.echo.canceller import ReferenceCanceller
from speech.errors import InputError


def sound_device(
    config: Config, on_problem: Callable[[str], None], *, most_latency_s: float = STEPS_S[-1]
) -> SoundCard | NoSound:
    """The configured devices, not yet open.

    Args:
        config: the whole configuration.
        on_problem: called with what went wrong, in one line, and that it is right again.
        most_latency_s: of the speaker; the track is written further ahead.
    """
    wanted = config.devices
    if wanted.speaker == wanted.microphone == NO_DEVICE:
        return NoSound()
    return SoundCard(
        speaker=None if wanted.speaker == NO_DEVICE else wanted.speaker,
        microphone=None if wanted.microphone == NO_DEVICE else wanted.microphone,
        on_problem=on_problem,
        delay_s=wanted.speaker_delay_s,
        most_latency_s=most_latency_s,
    )


def live_audio(
    config: Config,
    device: SoundCard | NoSound,
    on_level: Callable[[float], None],
    on_problem: Callable[[str], None],
) -> LiveAudio:
    """The user at these devices.

    Args:
        config: the whole configuration.
        device: not yet open.
        on_level: called with the loudness of every chunk heard.
        on_problem: called where the avatar can't listen while it speaks although it should, with the reason.
    """
    wanted = config.devices
    return LiveAudio(
        device,
        full_duplex=wanted.headphones,
        push_to_talk=wanted.push_to_talk,
        on_level=on_level,
        canceller=echo_canceller(config, on_problem),
    )


def echo_canceller(config: Config, on_problem: Callable[[str], None]) -> EchoCanceller | None:
    """The configured one; None where none is wanted or needed, or its package is missing, which is told."""
    wanted = config.devices
    if wanted.headphones or not wanted.echo_cancelling:
        return None
    try:
        return ReferenceCanceller()
    except InputError as error:
        on_problem(f"{error}; until then it does not listen while it speaks")
        return None
