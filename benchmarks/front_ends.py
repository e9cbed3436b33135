"""Which front end hears people best: small probes on the same data, judged on talkers that they never saw.

    python -m benchmarks.front_ends VIDEO... [--sound-offset NAME=FRAMES] [--minutes 8] [--out front_ends.json]

The probes (a ridge regression over stacked frames, a small GRU) learn the opening and the width of the mouth from
synthetic voices with the rule's articulation, from the other people in the videos, or from both; always from the same
pieces of sound, a room, a microphone and noise over three quarters of the synthetic ones. What is told is the
correlation with the tracked mouth of a person who was left out, at the best lag within 3 frames, and what a front end
costs. --work keeps what was tracked and heard between runs. Videos of up to 4 s count as sentences, longer ones as
continuous speech. Many minutes, most of them the voices' and the tracker's.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from agent.config.config import load_config
from agent.faces import load_sampler
from agent.models.packaged import openai_checkpoint, packaged_path
from agent.models.packaged_catalogue import find_packaged
from agent.personas import portrait_path
from avatar.evaluation import curves
from avatar.evaluation.driving import drive
from avatar.evaluation.lips import LipGeometry
from avatar.evaluation.people_section import SENTENCE_S
from avatar.evaluation.speech.speech_track import SAMPLES_PER_FRAME, SpeechTrack, log_envelope
from avatar.motion import FRAME_RATE_HZ, ConversationState, Floats
from avatar.portrait.portrait import load_portrait
from avatar.sampler.speech_encoder import SpeechEncoder
from benchmarks.front_end_data import Piece, real_piece, scaled, synthetic_pieces
from benchmarks.front_end_features import CTranslate2Encoder, CutFrontEnd, FrontEnd, MelFrontEnd, WhisperFrontEnd
from benchmarks.front_end_probes import RIDGES, Clip, Components, Normal, recurrent_mouth, stacked, train_recurrent
from benchmarks.report import print_machine, print_percentiles
from scripts.cut_speech_encoder import first_layers
from speech.audio import SPEECH_RATE_HZ, Samples

_FURTHEST = 3
_REAL_WEIGHT = 0.5  # of all real frames together, over all synthetic ones, where both are learned from
_TIMED_BLOCKS = 60
_RECURRENT_FOLDS = 3
SETS = ("synthetic", "real", "both")


def best_r(ours: Floats, real: Floats) -> tuple[float, int, float]:
    """Of openings, at their best lag: r, the lag, and the widths' r there."""
    zero = curves.LAGS.index(0)
    near = slice(zero - _FURTHEST, zero + _FURTHEST + 1)
    opened, widths = (curves.lag_curve(ours[:, i], real[:, i]) for i in (0, 1))
    if opened is None:
        return 0.0, 0, 0.0
    best = int(np.argmax(opened[near]))
    return float(opened[near][best]), best - _FURTHEST, 0.0 if widths is None else float(widths[near][best])


Scores = dict[str, tuple[float, float, float]]
"""Person → opening's r, its lag, width's r."""


def folds(real: Sequence[Clip], most: int) -> list[list[Clip]]:
    """Who is left out together: continuous talkers in up to so many groups, speakers of single sentences at once."""
    short, long = [clip for clip in real if _is_short(clip)], [clip for clip in real if not _is_short(clip)]
    return [fold for fold in [*(long[first::most] for first in range(most)), short] if fold]


def real_weight(synthetic: Sequence[Clip], real: Sequence[Clip]) -> float:
    """Of a real frame over a synthetic one, where both are learned from."""
    made, filmed = (sum(len(clip.mouth) for clip in clips) for clips in (synthetic, real))
    return _REAL_WEIGHT * made / max(filmed, 1)


def probe_ridge(synthetic: Sequence[Clip], real: Sequence[Clip], past: int) -> dict[str, Scores]:
    """For each set of training data, each person judged by what was learned without them.

    How strong the ridge is, the scores in all other folds decide.
    """
    made = Normal.of(synthetic, past)
    alone = made.solve()
    amount = real_weight(synthetic, real)
    left_out = folds(real, len(real))
    tried: dict[str, list[list[list[tuple[float, float, float]]]]] = {name: [] for name in SETS}  # folds, clips, ridges
    for fold in left_out:
        others = Normal.of([clip for clip in real if all(clip is not one for one in fold)], past)
        solved = {"synthetic": alone, "real": others.solve(), "both": (made + others * amount).solve()}
        for name, found in solved.items():
            inputs = [stacked(clip, past) for clip in fold]
            tried[name].append(
                [
                    [best_r((x @ weights).astype(np.float32), clip.mouth) for weights in found]
                    for x, clip in zip(inputs, fold, strict=True)
                ]
            )
    scores: dict[str, Scores] = {name: {} for name in SETS}
    for name, of in tried.items():
        means = np.array([np.mean([[r for r, _, _ in row] for row in rows], axis=0) for rows in of])
        for number, fold in enumerate(left_out):
            chosen = int(np.argmax(np.delete(means, number, axis=0).mean(axis=0)))
            scores[name] |= {clip.person: row[chosen] for clip, row in zip(fold, of[number], strict=True)}
    return scores


def probe_made(synthetic: Sequence[Clip], past: int) -> float:
    """Mean r, at lag 0, of the opening of the last fifth of the synthetic speech, learned from the rest by a ridge."""
    kept = -(-4 * len(synthetic) // 5)
    weights = Normal.of(synthetic[:kept], past).solve()[len(RIDGES) // 2]
    found = [curves.correlation((stacked(c, past) @ weights)[:, 0], c.mouth[:, 0]) for c in synthetic[kept:]]
    return float(np.mean([r for r in found if r is not None]))


def probe_recurrent(synthetic: Sequence[Clip], real: Sequence[Clip], seed: int) -> dict[str, Scores]:
    """As `probe_ridge`, by a GRU."""
    scores: dict[str, Scores] = {name: {} for name in SETS}
    amount = real_weight(synthetic, real)
    alone = train_recurrent(synthetic, [1.0] * len(synthetic), seed)
    for fold in folds(real, _RECURRENT_FOLDS):
        others = [clip for clip in real if all(clip is not one for one in fold)]
        weights = [1.0] * len(synthetic) + [amount] * len(others)
        models = {
            "synthetic": alone,
            "real": train_recurrent(others, [1.0] * len(others), seed),
            "both": train_recurrent([*synthetic, *others], weights, seed),
        }
        for name, model in models.items():
            scores[name] |= {clip.person: best_r(recurrent_mouth(model, clip), clip.mouth) for clip in fold}
    return scores


def _is_short(clip: Clip) -> bool:
    return len(clip.mouth) <= SENTENCE_S * FRAME_RATE_HZ


def block_times(front: FrontEnd, sound: Samples) -> list[float]:
    """Processor milliseconds for each frame of a block of five, block by block."""
    found = []
    step = 5 * SAMPLES_PER_FRAME
    for number in range(_TIMED_BLOCKS + 5):
        end = (4 * SPEECH_RATE_HZ + number * step) % (len(sound) - 1)
        piece = np.ascontiguousarray(np.resize(sound, len(sound) * 2)[: max(end, 4 * SPEECH_RATE_HZ)])
        before = time.process_time()
        front.hear_block(piece)
        found.append((time.process_time() - before) * 1000.0 / 5.0)
    return found[5:]


def summary(scores: Scores, real: Sequence[Piece]) -> dict[str, float | None]:
    """Means over sentences and over continuous speech."""
    out: dict[str, float | None] = {}
    for kind, short in (("speech", False), ("sentences", True)):
        some = [scores[piece.person] for piece in real if piece.is_sentence == short and piece.person in scores]
        for what, at in (("opening", 0), ("width", 2)):
            out[f"{kind}, {what}"] = float(np.mean([one[at] for one in some])) if some else None
    return out


def show(name: str, scores: Scores, real: Sequence[Piece]) -> dict[str, object]:
    """Prints a line and returns it for the JSON."""
    found = summary(scores, real)
    told = "  ".join(f"{key} {'-' if value is None else f'{value:5.2f}'}" for key, value in found.items())
    each = " ".join(
        f"{p.person}:{scores[p.person][0]:.2f}@{scores[p.person][1]:+.0f}" for p in real if not p.is_sentence
    )
    print(f"  {name:<22} {told}   {each}", flush=True)
    return {**found, "each": {person: list(values) for person, values in scores.items()}}


def measure(
    front: FrontEnd, synthetic: Sequence[Piece], real: Sequence[Piece], seed: int, *, recurrent: bool
) -> dict[str, object]:
    """All figures of one front end, printed as they come."""
    print(front.name, flush=True)
    began = time.process_time()
    raw = [[Clip(p.person, front.views(p.sound)[: len(p.mouth)], p.mouth) for p in some] for some in (synthetic, real)]
    print(f"    heard everything in {time.process_time() - began:.0f} s of the processor", flush=True)
    costs = block_times(front, np.concatenate([p.sound for p in real]))
    print_percentiles("    processor time a frame, block of 5", costs, "ms")
    components = Components(raw[0])
    made, people = ([components(clip) for clip in some] for some in raw)
    unheard = probe_made(made, front.past)
    print(f"  ridge, on synthetic speech left out: opening {unheard:5.2f} at lag 0", flush=True)
    lines: dict[str, object] = {"processor_ms_a_frame": float(np.median(costs)), "synthetic, opening": unheard}
    probes = [("ridge", partial(probe_ridge, made, people, front.past))]
    if recurrent:
        probes.append(("GRU", partial(probe_recurrent, made, people, seed)))
    for probe, judge in probes:
        for name, scores in judge().items():
            lines[f"{probe}, {name}"] = show(f"{probe}, {name}", scores, real)
    return lines


def front_ends() -> list[Callable[[], FrontEnd]]:
    """All that are compared, made one after the other."""
    model = find_packaged("faster-whisper", "tiny.en")
    assert model is not None

    def whole(window: int, ahead: int) -> FrontEnd:
        return WhisperFrontEnd(CTranslate2Encoder(packaged_path(model)), "tiny.en int8", window, 4, ahead)

    def cut(layers: int, window: int, ahead: int) -> FrontEnd:
        encoder = SpeechEncoder(layers, window)
        encoder.load_state_dict(first_layers(openai_checkpoint(model), layers, window))
        return CutFrontEnd(encoder, f"tiny.en, {layers} of 4 layers", window, 4, ahead)

    return [
        lambda: MelFrontEnd(21, 2),
        lambda: MelFrontEnd(50, 2),
        lambda: MelFrontEnd(21, 5),
        lambda: whole(15, 2),
        lambda: whole(25, 2),
        lambda: whole(50, 2),
        lambda: whole(25, 0),
        lambda: whole(50, 5),
        lambda: cut(1, 25, 2),
        lambda: cut(2, 25, 2),
        lambda: cut(3, 25, 2),
        lambda: cut(2, 15, 2),
        lambda: cut(2, 50, 2),
        lambda: cut(2, 25, 0),
        lambda: cut(2, 25, 5),
    ]


def main() -> None:
    """Reads the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path, help="of talking people, each of another one")
    parser.add_argument("--sound-offset", action="append", default=[], metavar="NAME=FRAMES", help="late sound")
    parser.add_argument("--minutes", type=float, default=8.0, help="of synthetic speech")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, help="folder in which what was tracked is kept")
    parser.add_argument("--out", type=Path, help="JSON with all figures")
    parser.add_argument("--no-recurrent", action="store_true", help="the ridge alone, which is quicker")
    parser.add_argument("--only", default="", metavar="PATTERN", help="front ends in whose name this is found")
    options = parser.parse_args()
    late = {name: int(frames) for name, _, frames in (text.rpartition("=") for text in options.sound_offset)}
    if unknown := set(late) - {path.stem for path in options.videos}:
        parser.error(f"--sound-offset: expected names of the videos, got {', '.join(sorted(unknown))}")
    if len({path.stem for path in options.videos}) < 3:
        parser.error("expected videos of at least three people, of different names")
    if options.work is not None:
        options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    print_machine("torch", "numpy", "ctranslate2", "mediapipe", threads=1, seed=options.seed, minutes=options.minutes)

    config = load_config(None, [], {})
    lips = LipGeometry(load_portrait(portrait_path(config.portrait.path), cache_dir=config.portrait.cache_dir))
    real = [scaled([real_piece(path, late.get(path.stem, 0), options.work)])[0] for path in options.videos]
    synthetic = scaled(synthetic_pieces(options.minutes, options.seed, lips))
    lengths = [sum(len(p.mouth) for p in pieces) / FRAME_RATE_HZ for pieces in (synthetic, real)]
    print(f"{lengths[0]:.0f} s of synthetic voices; {lengths[1]:.0f} s of {len(real)} people", flush=True)
    report: dict[str, object] = {}

    print("for comparison, nothing trained here")
    envelope, shipped = {}, {}
    for piece in real:
        loud = log_envelope(SpeechTrack(piece.sound))[: len(piece.mouth)]
        envelope[piece.person] = best_r(np.stack([loud, loud], axis=1), piece.mouth)
        at = lips(drive(load_sampler(config), piece.sound, ConversationState.SPEAKING))
        ours = np.stack([at.gap_px, at.width_px], axis=1)[: len(piece.mouth)]
        shipped[piece.person] = best_r(ours, piece.mouth)
    report["log envelope"] = show("log envelope", envelope, real)
    report["shipped sampler"] = show("shipped sampler", shipped, real)

    for make in front_ends():
        front = make()
        if not re.search(options.only, front.name):
            continue
        report[front.name] = measure(front, synthetic, real, options.seed, recurrent=not options.no_recurrent)
        if options.out is not None:
            options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
