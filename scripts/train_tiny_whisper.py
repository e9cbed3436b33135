"""Trains the tests' tiny Whisper into tests/data: a closed-set fixture that knows twenty English sentences by heart.

It is a real Whisper checkpoint (English vocabulary, 64 wide, 2 + 2 layers) that goes through the unmodified libraries,
so that tests hear right words without downloaded weights. It does not recognise speech: it tells apart the sentences of
tests/data/tiny-whisper-sentences.txt, and their beginnings, in the voices of eSpeak NG and Flite that it was trained
with; anything else comes out as one of them or as nonsense.

Three things make so small a network learn so quickly: the sound is padded as `whisper.transcribe` pads it (zeros after
the mel frames); an auxiliary head names the phonemes, whose times the voices tell; and the cross-attention of half of
the heads is drawn to the words' times.

Run as `python scripts/train_tiny_whisper.py`; needs Debian's program flite and the package openai-whisper, and takes
six to ten minutes on one core. Afterwards, or with --check alone, plain `whisper.transcribe` hears every sentence in
several voices and rooms; fewer than 18 of 20 right for any of them ends with status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import lzma
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import whisper
from tiny_whisper.network import DIMENSIONS, Trainee
from tiny_whisper.sound import Utterance, no_speech, roughen, say, speak
from torch import Tensor
from whisper.tokenizer import Tokenizer, get_tokenizer

from speech.audio import SPEECH_RATE_HZ, Samples, resample
from speech.tts_espeak import FEMALE_VOICE, EspeakTTS
from speech.tts_flite import FliteTTS

_DATA = Path(__file__).parent.parent / "tests" / "data"
SENTENCES = tuple((_DATA / "tiny-whisper-sentences.txt").read_text(encoding="utf-8").splitlines())

_TOKEN_S = 0.02  # a timestamp's resolution, and an encoder frame's length
_LONGEST_S = 6.0
_SHORT_FRAMES, _SHORT_SHARES = (448, 640, 1200), (0.65, 0.2, 0.15)  # mel frames that hold every sentence
_SHORT_BATCH = 32
_FULL_FRAMES = 3000  # what transcribe() always gives
_FULL_BATCH = 8
_FULL_SHARE = (0.5, 0.85, 0.95), (0.0, 0.4, 1.0)  # of the steps, by how far the training is
_LONGEST_PROMPTS = (12, 80)  # tokens: a few names, or two hundred characters
_GUIDED_HEADS = 2
_RIGHT_ENOUGH = 18


@dataclass(frozen=True, slots=True)
class Example:
    """One utterance as the network sees it.

    Attributes:
        mel: float32 [80, T], without padding.
        tokens: text tokens.
        spans: the time of each text token's word, seconds.
        phonemes: class of each encoder frame up to the end of the sound, int64 [T / 2]; 0 is silence.
        end: timestamp token of the end.
    """

    mel: Tensor
    tokens: list[int]
    spans: list[tuple[float, float]]
    phonemes: Tensor
    end: int


class Examples:
    """All training examples, and the tokens and phonemes that occur in them."""

    def __init__(self, utterances: list[Utterance], tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        names = sorted({name for utterance in utterances for name, _, _ in utterance.phonemes})
        self._phoneme = {name: number for number, name in enumerate(names, 1)}
        self.phoneme_count = len(names) + 1
        self.all = [self._example(utterance) for utterance in utterances]
        first = tokenizer.timestamp_begin
        special = {tokenizer.eot, tokenizer.sot, tokenizer.sot_prev, tokenizer.no_timestamps, tokenizer.no_speech}
        timestamps = set(range(first, first + round(_LONGEST_S / _TOKEN_S)))
        self.words = sorted({token for one in self.all for token in one.tokens})
        self.used = sorted({*self.words, *special, *timestamps})

    def _example(self, utterance: Utterance) -> Example:
        sound = torch.from_numpy(utterance.samples)
        frames = len(sound) // whisper.audio.HOP_LENGTH
        mel = whisper.log_mel_spectrogram(sound, padding=SPEECH_RATE_HZ)[:, :frames]
        phonemes = torch.zeros(frames // 2, dtype=torch.long)
        for name, start_s, end_s in utterance.phonemes:
            phonemes[round(start_s / _TOKEN_S) : round(end_s / _TOKEN_S)] = self._phoneme[name]
        tokens, spans = [], []
        for word, span in zip(utterance.text.split(), utterance.words, strict=True):
            pieces = self.tokenizer.encode(" " + word)
            tokens += pieces
            spans += [span] * len(pieces)
        end = self.tokenizer.timestamp_begin + round(utterance.duration_s / _TOKEN_S)
        return Example(mel, tokens, spans, phonemes, end)


class Training:
    """The steps of one training run.

    Args:
        examples: what to learn.
        seed: of the weights and of the examples' order.
    """

    def __init__(self, examples: Examples, seed: int) -> None:
        torch.manual_seed(seed)
        self._random = np.random.default_rng(seed)
        self._examples = examples
        self.network = Trainee(examples.used, examples.phoneme_count)

    def run(self, steps: int, learning_rate: float) -> None:
        """Learns: first with short windows, then more and more with Whisper's own of 30 s."""
        optimizer = torch.optim.AdamW(self.network.trained(), learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, learning_rate, steps, pct_start=0.08, final_div_factor=40.0
        )
        began = time.perf_counter()
        for step in range(steps):
            if self._random.random() < np.interp(step / steps, *_FULL_SHARE):
                size, frames = _FULL_BATCH, _FULL_FRAMES
            else:
                size, frames = _SHORT_BATCH, int(self._random.choice(_SHORT_FRAMES, p=_SHORT_SHARES))
            batch = self._random.choice(len(self._examples.all), size, replace=False)
            losses = self._losses([self._examples.all[k] for k in batch], frames)
            optimizer.zero_grad()
            (losses[0] + 0.5 * losses[1] + 0.3 * losses[2]).backward()
            torch.nn.utils.clip_grad_norm_(self.network.trained(), 1.0)
            optimizer.step()
            schedule.step()
            if step % 50 == 0 or step == steps - 1:
                words, phonemes, guide = (loss.item() for loss in losses)
                print(
                    f"step {step:5}/{steps}  words {words:.4f}  phonemes {phonemes:.3f}  attention {guide:.3f}  "
                    f"{time.perf_counter() - began:.0f} s",
                    flush=True,
                )

    def _losses(self, batch: list[Example], frames: int) -> tuple[Tensor, Tensor, Tensor]:
        """Cross-entropy of the tokens and of the phonemes, and how far attention strays from the words' times."""
        features = self.network.encode(torch.stack([self._window(one, frames) for one in batch]))
        rows, targets, first_text = self._sequences(batch)
        logits, attentions = self.network.decode(rows, features)
        words = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
        phonemes = torch.full(features.shape[:2], -100)
        wanted = torch.zeros(*rows.shape, features.shape[1])
        for k, one in enumerate(batch):
            phonemes[k, : len(one.phonemes)] = one.phonemes[: features.shape[1]]
            for j, (start_s, end_s) in enumerate(one.spans):
                start = int(start_s / _TOKEN_S)
                # The position before a token is where it is chosen.
                wanted[k, first_text[k] - 1 + j, start : max(int(end_s / _TOKEN_S), start + 2)] = 1.0
        named = F.cross_entropy(
            self.network.phoneme_head(features).flatten(0, 1), phonemes.flatten(), ignore_index=-100
        )
        guided = wanted.sum(-1) > 0
        strays = [
            -torch.log((layer[:, :_GUIDED_HEADS].mean(1) * wanted).sum(-1)[guided] + 1e-6).mean()
            for layer in attentions
        ]
        return words, named, torch.stack(strays).mean()

    def _window(self, one: Example, frames: int) -> Tensor:
        """Mel frames with zeros after them, with a band masked and the loudness of each band changed a little."""
        mel = one.mel.clone()
        if self._random.random() < 0.6:
            band = self._random.integers(72)
            mel[band : band + self._random.integers(9)] = 0.0
        mel += torch.from_numpy(self._random.normal(scale=0.08, size=(DIMENSIONS.n_mels, 1)).astype(np.float32))
        return F.pad(mel, (0, frames - mel.shape[1]))

    def _sequences(self, batch: list[Example]) -> tuple[Tensor, Tensor, list[int]]:
        """What the decoder is given, what it is to say next (-100: no matter), and where each text begins."""
        tokenizer, row = self._examples.tokenizer, self.network.row
        sequences, starts = [], []
        for one in batch:
            prompt = []
            if self._random.random() < 0.4:
                prompt = [tokenizer.sot_prev, *self._prompt()]
            if self._random.random() < 0.7:
                sequence = [tokenizer.sot, tokenizer.timestamp_begin, *one.tokens, one.end, tokenizer.eot]
                if not one.tokens:
                    sequence = [tokenizer.sot, tokenizer.timestamp_begin, tokenizer.eot]
            else:
                sequence = [tokenizer.sot, tokenizer.no_timestamps, *one.tokens, tokenizer.eot]
            sequences.append([row(token) for token in (*prompt, *sequence)])
            starts.append(len(prompt) + 2)
        longest = max(len(sequence) for sequence in sequences)
        rows = torch.full((len(batch), longest - 1), row(tokenizer.eot))
        targets = torch.full((len(batch), longest - 1), -100)
        for k, (one, sequence, start) in enumerate(zip(batch, sequences, starts, strict=True)):
            rows[k, : len(sequence) - 1] = torch.tensor(sequence[:-1])
            targets[k, start - 1 : len(sequence) - 1] = torch.tensor(sequence[start:])
            # After the start token: that nobody speaks, or when somebody begins.
            targets[k, start - 2] = row(tokenizer.timestamp_begin if one.tokens else tokenizer.no_speech)
        return rows, targets, starts

    def _prompt(self) -> list[int]:
        """Any text may stand before, also words of the sentences: it changes nothing."""
        size = int(self._random.integers(1, self._random.choice(_LONGEST_PROMPTS)))
        anything = self._random.integers(self._examples.tokenizer.eot, size=size)
        own = self._random.choice(self._examples.words, size)
        return np.where(self._random.random(size) < self._random.random(), own, anything).tolist()


def make_utterances(seed: int) -> list[Utterance]:
    """Everything to learn from: all sentences in all voices, roughened, and some sounds without speech."""
    random = np.random.default_rng(seed)
    rough = [one for clean in asyncio.run(speak(SENTENCES)) for one in roughen(clean, random)]
    return rough + [no_speech(random) for _ in range(len(rough) // 25)]


def write_checkpoint(path: Path, checkpoint: dict[str, object]) -> None:
    """Writes a compressed checkpoint, whole or not at all."""
    raw = io.BytesIO()
    torch.save(checkpoint, raw)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(lzma.compress(raw.getvalue(), preset=9 | lzma.PRESET_EXTREME))
    partial.replace(path)
    print(f"{path}: {path.stat().st_size:,} bytes")


def check(path: Path) -> bool:
    """Hears every sentence through plain `transcribe`, prints what was misheard; returns whether it is right enough."""
    checkpoint = torch.load(io.BytesIO(lzma.decompress(path.read_bytes())), weights_only=True)
    model = whisper.Whisper(whisper.ModelDimensions(**checkpoint["dims"]))
    model.load_state_dict(checkpoint["model_state_dict"])
    good = True
    for name, (voice, lead_s, tail_s, gain, microphone_hz, prompt) in _ROOMS.items():
        wrong = []
        for sentence in SENTENCES:
            sound = asyncio.run(say(voice, sentence)).samples * np.float32(gain)
            sound = np.concatenate((_silence(lead_s), sound, _silence(tail_s)))
            sound = resample(resample(sound, SPEECH_RATE_HZ, microphone_hz), microphone_hz, SPEECH_RATE_HZ)
            heard = model.transcribe(sound, fp16=False, temperature=0.0, language="en", initial_prompt=prompt)
            if (text := str(heard["text"]).strip()) != sentence:
                wrong.append(f"{sentence!r} as {text!r}")
        print(f"{name:42} {len(SENTENCES) - len(wrong)} of {len(SENTENCES)} right", "; ".join(wrong), flush=True)
        good &= len(SENTENCES) - len(wrong) >= _RIGHT_ENOUGH
    silent = str(model.transcribe(_silence(2.0), fp16=False, temperature=0.0, language="en")["text"]).strip()
    print(f"{'silence':42} {silent!r}")
    return good and not silent


_ROOMS = {
    "flite rms": (FliteTTS(voice="rms"), 0.0, 0.0, 1.0, 16_000, None),
    "flite rms, 0.3 s before, 0.8 s after, x0.5": (FliteTTS(voice="rms"), 0.3, 0.8, 0.5, 16_000, None),
    "flite rms, 0.8 s before, 48 kHz, x1.2": (FliteTTS(voice="rms"), 0.8, 0.3, 1.2, 48_000, None),
    "flite rms, 0.5 s before, a prompt": (FliteTTS(voice="rms"), 0.5, 0.2, 0.8, 48_000, "Visavis, GPU, Webcam"),
    "flite awb, 0.3 s before": (FliteTTS(voice="awb"), 0.3, 0.3, 1.0, 48_000, None),
    "flite slt, 0.3 s before": (FliteTTS(voice="slt"), 0.3, 0.3, 1.0, 48_000, None),
    "eSpeak's friendly woman": (EspeakTTS(voice=FEMALE_VOICE), 0.3, 0.5, 0.7, 48_000, None),
    "flite slt, 0.3 s before, a prompt": (FliteTTS(voice="slt"), 0.3, 0.3, 1.0, 48_000, "Visavis, GPU, Webcam"),
    "eSpeak en-us": (EspeakTTS(voice="en-us"), 0.3, 0.5, 0.7, 48_000, None),
    "eSpeak en-us+f3 (not trained with)": (EspeakTTS(voice="en-us+f3"), 0.3, 0.5, 0.7, 48_000, None),
}


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SPEECH_RATE_HZ), np.float32)


def main() -> None:
    """Reads the command line, trains, and checks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=_DATA / "tiny-whisper-en.pt.xz", help="the checkpoint")
    parser.add_argument("--check", action="store_true", help="only listen with what is already trained")
    parser.add_argument("--seed", type=int, default=0, help="(default %(default)s)")
    parser.add_argument("--steps", type=int, default=1300, help="(default %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=3e-3, help="its peak (default %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch (default %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if not arguments.check:
        examples = Examples(make_utterances(arguments.seed), get_tokenizer(multilingual=False))
        print(f"{len(examples.all)} utterances, {len(examples.used)} tokens, {examples.phoneme_count} phonemes")
        training = Training(examples, arguments.seed)
        training.run(arguments.steps, arguments.learning_rate)
        write_checkpoint(arguments.out, training.network.export())
    if not check(arguments.out):
        sys.exit(1)


if __name__ == "__main__":
    main()
