"""Makes the pictures of the README: the shipped faces while they speak, drawn by the program itself.

python scripts/make_pictures.py            # writes docs/faces.png and docs/coefficients.jpg
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import aclosing
from pathlib import Path

import numpy as np
from PIL import Image

from agent.backends.making import make_voice
from agent.config.config import load_config
from agent.faces import load_face, load_sampler
from agent.personas import PERSONAS
from avatar.clock import SAMPLES_PER_FRAME
from avatar.evaluation.decoder.sheet import coefficient_strips
from avatar.motion import ConversationState, MotionLayout
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, resample

SENTENCE = "You ask me by voice, and I answer you, face to face. Wonderful, isn't it?"
COLUMNS, SIZE = 5, 256


async def _faces_of(name: str) -> np.ndarray:
    """One row: float uint8 [SIZE, COLUMNS * SIZE, 3], frames at the widest and the most different mouths."""
    config = load_config(None, [f"portrait.path={name}", "voice.backend=espeak"], {})
    face, sampler = load_face(config), load_sampler(config)
    pieces = []
    async with make_voice(config) as voice, aclosing(voice.synthesize(SENTENCE)) as chunks:
        pieces = [chunk.audio.samples async for chunk in chunks]
    sound = resample(np.concatenate(pieces), voice.sample_rate_hz, OUTPUT_RATE_HZ)
    whole = len(sound) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME
    sampler.set_state(ConversationState.SPEAKING)
    sampler.push(AudioChunk(sound[:whole], OUTPUT_RATE_HZ, 0))
    sampler.end_of_speech()
    motion = sampler.frames().values
    # Open eyes only, then the frames whose motion differs most from those already chosen.
    blink = motion[:, MotionLayout.INDEX["eyeBlinkLeft"]]
    candidates = np.flatnonzero(blink < 0.2)
    chosen = [int(candidates[motion[candidates, MotionLayout.INDEX["jawOpen"]].argmax()])]
    while len(chosen) < COLUMNS:
        distance = np.min([np.linalg.norm(motion[candidates] - motion[i], axis=1) for i in chosen], axis=0)
        chosen.append(int(candidates[distance.argmax()]))
    pictures = [Image.fromarray(face.decoder.decode(motion[i]).copy()) for i in sorted(chosen)]
    return np.hstack([np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)) for picture in pictures])


def _coefficients() -> np.ndarray:
    """What each of the 60 numbers does, on one face."""
    face = load_face(load_config(None, [], {}))
    return coefficient_strips(face.decoder, face.portrait.landmarks)


def main() -> None:
    """Writes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs", help="folder to write to")
    folder = parser.parse_args().out
    rows = [asyncio.run(_faces_of(name)) for name in PERSONAS]
    Image.fromarray(np.vstack(rows)).save(folder / "faces.png", optimize=True)
    Image.fromarray(_coefficients()).save(folder / "coefficients.jpg", quality=82, optimize=True)


if __name__ == "__main__":
    main()
