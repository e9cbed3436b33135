"""What evaluations of the sampler need: speech to speak, samplers for any seed, and what is told of the weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands.options import say
from agent.config.config import Config

if TYPE_CHECKING:
    from avatar.evaluation.driving import MakeSampler
    from avatar.evaluation.speech.held_out import HeldOutSpeech
    from avatar.portrait.portrait import Portrait
    from avatar.progress import ShareDone
    from avatar.training.voices.voice_files import VoiceFiles

SEEDS = 3

Weights = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Weights of the sampler instead of the configured ones.")
]
Seeds = Annotated[
    int | None,
    typer.Option(min=1, max=20, help="So many seeds of the sampler from --seed on: means, and the noise between them."),
]


def cache_of(settings: Config, name: str) -> Path:
    """A folder in the user's cache."""
    from speech.user_folders import cache_folder

    return (settings.portrait.cache_dir or cache_folder()) / name


def voices(quiet: bool) -> VoiceFiles:
    """The natural voices that are installed; says so where none is held out from training."""
    from agent.models.training_voices import training_voices

    files = training_voices(lambda line: None)
    if files.kokoro is None:
        say("held-out speech is of robot voices only: the natural ones are not installed; run: make training", quiet)
    return files


def held_out(settings: Config, seconds: float, quiet: bool, progress: ShareDone = lambda done: None) -> HeldOutSpeech:
    """What is said, the same for the same seed; kept in the cache."""
    from avatar.evaluation.speech.kept_speech import held_out_once

    return held_out_once(voices(quiet), seconds, settings.face.seed, cache_of(settings, "evaluation"), progress)


def samplers(settings: Config) -> Callable[[int], MakeSampler]:
    """Seed → what makes samplers as the program would have them; each comes fresh. The model is loaded once."""
    from agent.faces import load_motion, new_sampler
    from avatar.sampler.lookahead import MotionSampler

    motion = load_motion(settings)

    def of_seed(seed: int) -> MakeSampler:
        def make(steps: int | None) -> MotionSampler:
            changed: dict[str, int] = {"seed": seed} if steps is None else {"seed": seed, "steps": steps}
            face = settings.face.model_copy(update=changed)
            return new_sampler(settings.model_copy(update={"face": face}), motion)

        return make

    return of_seed


def portrait_of(settings: Config) -> Portrait:
    """The configured portrait."""
    from agent.personas import portrait_path
    from avatar.portrait.portrait import load_portrait

    wanted = settings.portrait
    return load_portrait(portrait_path(wanted.path), landmarks=wanted.landmarks, cache_dir=wanted.cache_dir)


def weights_told(settings: Config) -> str:
    """Which weights: their name and the beginning of their checksum."""
    from agent.doctor.files import SHIPPED_WEIGHTS
    from agent.shared import content_key

    path = Path(settings.face.weights or SHIPPED_WEIGHTS)
    return f"{path.name if settings.face.weights else 'as shipped'}, {str(content_key(path))[:8]}"
