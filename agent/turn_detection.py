"""The turn detector that the configuration asks for, with the best judge of endings that is installed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

from agent.config.config import Config
from agent.models.packaged import any_installed, packaged_path
from agent.models.packaged_catalogue import packaged_of
from speech.audio import Samples
from speech.turns.base import TurnDetector
from speech.turns.endpointing import AdaptiveWait, Judge
from speech.turns.prosody import completeness
from speech.turns.smart_turn import SmartTurn

_NEVER_COMPLETE = 0.05
"""What Smart Turn says of voices that hang in the air, above all after "um"; from here to 1 it tells no more than our
own rules do (benchmarks/turns.py)."""

_DOUBTED = 0.3
"""What our own judgement counts then."""


def turn_detector(
    config: Config,
    end_of_turn_s: float | None = None,
    *,
    live: bool = False,
    language: Callable[[], str] | None = None,
) -> TurnDetector:
    """A fresh turn detector.

    Args:
        config: the whole configuration.
        end_of_turn_s: a fixed silence that overrides what is configured.
        live: the sound comes as it is spoken, so that pauses are worth reporting and judging.
        language: gives the one that is spoken now; None for what is configured.

    Raises:
        InputError: the network that judges endings is damaged.
    """
    from speech.turns.detector import SilenceTurnDetector
    from speech.turns.vad import SileroVAD

    ears = config.ears
    is_adaptive = live and end_of_turn_s is None and ears.endpointing == "adaptive"
    spoken = language or (lambda: ears.language)
    return SilenceTurnDetector(
        SileroVAD(),
        threshold=ears.vad_threshold,
        end_of_turn_s=ears.end_of_turn_s if end_of_turn_s is None else end_of_turn_s,
        endpointing=AdaptiveWait(ears.end_of_turn_s, spoken, judge_of_endings()) if is_adaptive else None,
        min_speech_s=ears.min_speech_s,
        pause_s=ears.speculate_after_s if live else float("inf"),
    )


def judge_of_endings() -> Judge:
    """Our own rules, and Smart Turn beside them where its package is installed."""
    model = packaged_of("smart-turn")[0]
    return both(_smart_turn(packaged_path(model))) if any_installed(model) else completeness


def both(network: SmartTurn) -> Judge:
    """Our own rules, which the network may overrule where it is sure that a turn goes on."""

    def judge(sound: Samples) -> float:
        own = completeness(sound)
        return own if network.completeness(sound) >= _NEVER_COMPLETE else own * _DOUBTED

    return judge


@functools.cache
def _smart_turn(path: Path) -> SmartTurn:
    """Once a process: it keeps nothing of the streams."""
    return SmartTurn(path)
