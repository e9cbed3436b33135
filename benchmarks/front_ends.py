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
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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
from avatar.evaluation.people.tracked_face import track_face
from avatar.evaluation.people_section import SENTENCE_S
from avatar.evaluation.speech.speech_track import SAMPLES_PER_FRAME, SpeechTrack, SpokenPart, log_envelope, rule_motion
from avatar.motion import FRAME_RATE_HZ, ConversationState, Floats
from avatar.portrait.portrait import load_portrait
from avatar.training.augment import augment
from avatar.training.corpus import english
from avatar.training.scenes import LANGUAGES, VARIANTS
from avatar.training.speech_data import Utterance, flite_voices, speak_espeak, speak_flite
from benchmarks.front_end_features import CTranslate2Encoder, CutEncoder, FrontEnd, MelFrontEnd, WhisperFrontEnd
from benchmarks.front_end_probes import (
    Clip,
    Components,
    Normal,
    recurrent_mouth,
    stacked,
    train_recurrent,
)
from benchmarks.report import print_machine, print_percentiles
from speech.audio import SPEECH_RATE_HZ, Samples
from speech.files.sound_file import read_audio

_FURTHEST = 3
_CLEAN_SHARE = 0.25
_REAL_WEIGHT = 0.5  # of all real frames together, over all synthetic ones, where both are learned from
_TIMED_BLOCKS = 60
SETS = ("synthetic", "real", "both")


@dataclass(frozen=True, slots=True)
class Piece:
    """Sound and the mouth that belongs to it.

    Attributes:
        person: who speaks.
        sound: float32 [N] at 16 kHz.
        mouth: float32 [T, 2], opening and width, any unit.
    """

    person: str
    sound: Samples
    mouth: Floats

    @property
    def is_sentence(self) -> bool:
        """Whether it is one sentence, no continuous speech."""
        return len(self.mouth) <= SENTENCE_S * FRAME_RATE_HZ


def utterances(seed: int) -> Iterator[Utterance]:
    """Endless English sentences of many synthetic voices."""
    random = np.random.default_rng(seed)
    flite = flite_voices()
    for text in english(seed):
        if flite and random.random() < 0.5:
            yield speak_flite(text, flite[int(random.integers(len(flite)))], stretch=float(random.uniform(0.85, 1.2)))
        else:
            voice = LANGUAGES[int(random.integers(len(LANGUAGES)))] + VARIANTS[int(random.integers(len(VARIANTS)))]
            rate, pitch = int(random.integers(130, 200)), int(random.integers(15, 85))
            yield speak_espeak(text, voice, rate=rate, pitch=pitch)


def synthetic_pieces(minutes: float, seed: int, lips: LipGeometry) -> list[Piece]:
    """Speech with the rule's mouth, half a second of silence after every sentence."""
    random = np.random.default_rng([seed, 1])
    pieces: list[Piece] = []
    frames = 0
    for spoken in utterances(seed):
        length = -(-len(spoken.samples) // SAMPLES_PER_FRAME) + 12
        clean = np.pad(spoken.samples, (0, length * SAMPLES_PER_FRAME - len(spoken.samples)))
        track = SpeechTrack(clean, (SpokenPart(0, length, spoken.phones, spoken.arpabet, spoken.text, spoken.voice),))
        at = lips(rule_motion(track))
        heard = clean if random.random() < _CLEAN_SHARE else augment(clean, random)
        pieces.append(Piece(spoken.voice, heard, np.stack([at.gap_px, at.width_px], axis=1)))
        frames += length
        if frames >= minutes * 60 * FRAME_RATE_HZ:
            return pieces
    raise AssertionError("the texts are endless")


def real_piece(path: Path, late: int, work: Path | None) -> Piece:
    """A video's own sound and the tracked mouth; the sound is so many frames late."""
    kept = None if work is None else work / f"{path.stem}.npy"
    if kept is not None and kept.is_file():
        mouth = np.load(kept)
    else:
        face = track_face(path)
        mouth = np.stack([face.gap, face.width], axis=1)
        if kept is not None:
            np.save(kept, mouth)
    sound = read_audio(path, SPEECH_RATE_HZ)[late * SAMPLES_PER_FRAME :]
    frames = min(len(mouth), len(sound) // SAMPLES_PER_FRAME)
    return Piece(path.stem, sound[: frames * SAMPLES_PER_FRAME], mouth[:frames])


def scaled(pieces: Sequence[Piece]) -> list[Piece]:
    """Mouths with zero mean and unit spread over all the pieces."""
    every = np.concatenate([piece.mouth for piece in pieces])
    mean, spread = every.mean(axis=0), every.std(axis=0)
    return [replace(piece, mouth=((piece.mouth - mean) / spread).astype(np.float32)) for piece in pieces]


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


def folds(real: Sequence[Clip]) -> list[list[Clip]]:
    """Who is left out together: every continuous talker alone, the speakers of single sentences at once."""
    short = [clip for clip in real if _is_short(clip)]
    return [[clip] for clip in real if not _is_short(clip)] + ([short] if short else [])


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
    left_out = folds(real)
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


def probe_recurrent(synthetic: Sequence[Clip], real: Sequence[Clip], seed: int) -> dict[str, Scores]:
    """As `probe_ridge`, by a GRU."""
    scores: dict[str, Scores] = {name: {} for name in SETS}
    amount = real_weight(synthetic, real)
    alone = train_recurrent(synthetic, [1.0] * len(synthetic), seed)
    for fold in folds(real):
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


def front_ends() -> list[Callable[[], FrontEnd]]:
    """All that are compared, made one after the other."""
    model = find_packaged("faster-whisper", "tiny.en")
    assert model is not None

    def whole(window: int, ahead: int) -> FrontEnd:
        return WhisperFrontEnd(CTranslate2Encoder(packaged_path(model)), "tiny.en int8", window, 4, ahead)

    def cut(window: int, ahead: int) -> FrontEnd:
        return WhisperFrontEnd(CutEncoder(openai_checkpoint(model), 2), "tiny.en, 2 of 4 layers", window, 4, ahead)

    return [
        lambda: MelFrontEnd(21, 2),
        lambda: MelFrontEnd(50, 2),
        lambda: MelFrontEnd(21, 5),
        lambda: whole(25, 2),
        lambda: whole(50, 2),
        lambda: whole(50, 5),
        lambda: cut(25, 2),
        lambda: cut(50, 2),
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
    parser.add_argument("--only", help="front ends whose name has this in it")
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
        if options.only and options.only not in front.name:
            continue
        print(front.name, flush=True)
        began = time.process_time()
        raw = [
            [Clip(p.person, front.views(p.sound)[: len(p.mouth)], p.mouth) for p in some] for some in (synthetic, real)
        ]
        print(f"    heard everything in {time.process_time() - began:.0f} s of the processor", flush=True)
        costs = block_times(front, np.concatenate([p.sound for p in real]))
        print_percentiles("    processor time a frame, block of 5", costs, "ms")
        components = Components(raw[0])
        made, people = ([components(clip) for clip in some] for some in raw)
        del raw
        lines: dict[str, object] = {"processor_ms_a_frame": float(np.median(costs))}
        for probe, found in (
            ("ridge", probe_ridge(made, people, front.past)),
            ("GRU", probe_recurrent(made, people, options.seed)),
        ):
            for name, scores in found.items():
                if scores:
                    lines[f"{probe}, {name}"] = show(f"{probe}, {name}", scores, real)
        report[front.name] = lines
        if options.out is not None:
            options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
