"""How well wishes about the conversation itself survive the ears: labelled utterances, spoken and understood again.

Every English utterance of `tests/data/intents.tsv` is spoken by several voices and recognised by the chosen ears. Told
are the share whose intent comes out right, what the ears made of the others, and how many of the traps became an
intent. Then the wake phrase: how often it is heard before a question, and how often in what nobody meant so: the traps,
and a folder of real speech (`speech/` in it), file by file and as babble of several voices.

Before that, made dialogues (`benchmarks/dialogues.tsv`, as text): who is answered as it is, and with `manners.room`.

Run as `python -m benchmarks.manners [FOLDER] [--voices heart,slt] [--every N]` in the project's folder; minutes.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from agent.backends.languages import with_voice
from agent.backends.making import make_ears, make_voice
from agent.config.config import Config, load_config
from agent.intents.understood import intent_of
from agent.manners.attention import Attention, AttentionSettings, after_phrase
from agent.parts import knowledge_of
from agent.personas import name_of
from benchmarks.report import print_machine
from speech.asr.base import ASR
from speech.audio import SPEECH_RATE_HZ, AudioChunk, Resampler, Samples, chunked
from speech.files.sound_file import read_audio
from speech.tts.base import TTS
from tests.virtual_time import run

LABELLED = Path("tests/data/intents.tsv")
DIALOGUES = Path("benchmarks/dialogues.tsv")
SPOKEN_S, AWAKE_S = 2.0, 20.0
"""How long an utterance takes, and `manners.awake_s`."""
VOICES = "heart,en_US-joe-medium,slt,pico:en-GB"
SILENCE_S = 0.3
BABBLE_VOICES = 4
WAKE_QUESTIONS = ("what is the time", "are you open on Sunday", "where is the exit", "tell me a joke", "")


async def dialogue(lines: Sequence[str], settings: AttentionSettings, answered: Counter[tuple[str, bool]]) -> None:
    """Counts to whom each line was said, and whether it is answered; on virtual time."""
    attention = Attention(settings, lambda word: False, lambda: None)
    for quiet_s, whom, words in (line.split("\t") for line in lines):
        await asyncio.sleep(float(quiet_s) + SPOKEN_S)
        is_answered = attention.addressed(words) is not None
        answered[whom, is_answered] += 1
        if is_answered:
            attention.stay()
            await asyncio.sleep(SPOKEN_S)
            attention.stay()
    attention.close()


def dialogues(name: str) -> None:
    """Prints how many utterances to the avatar, and to others, are answered."""
    lines = [line for line in DIALOGUES.read_text("utf-8").splitlines() if not line.startswith("#")]
    apart = [list(group) for is_line, group in groupby(lines, bool) if is_line]
    for what, room in (("as it is", False), ("in a room", True)):
        answered: Counter[tuple[str, bool]] = Counter()
        for one in apart:
            run(dialogue(one, AttentionSettings(name, room=room, awake_s=AWAKE_S), answered))
        shares = (f"{answered[who, True]}/{answered[who, True] + answered[who, False]}" for who in ("avatar", "other"))
        print("dialogues, {}: answered {} of what is said to it, {} of what is said to others".format(what, *shares))


async def _main(config: Config, rows: Sequence[Sequence[str]], folder: Path | None, voices: Sequence[str]) -> None:
    name = name_of(config)
    knowledge = knowledge_of(config)
    async with make_ears(config, knowledge.phrases(name)) as ears:
        for voice_name in voices:
            async with make_voice(with_voice(config, "en", voice_name)) as voice:
                await _intents(voice, ears, rows, name, voice_name)
                await _wake(voice, ears, name, voice_name)
        if folder is not None:
            await _false_wakes(folder, ears, name)


async def _intents(voice: TTS, ears: ASR, rows: Sequence[Sequence[str]], name: str, voice_name: str) -> None:
    right: Counter[str] = Counter()
    all_of: Counter[str] = Counter()
    woken = 0
    for _, wanted, said in rows:
        heard = await _heard(await _spoken(voice, said), ears)
        intent = intent_of(heard, "en", name)
        kind, got = wanted.partition("=")[0], "-" if intent is None else intent.kind.name
        all_of[kind] += 1
        right[kind] += got == kind
        woken += after_phrase(heard, f"hey {name}") is not None
        if got != kind:
            print(f"  {voice_name}: {said!r} was heard as {heard!r}: {got} instead of {kind}")
    wishes, traps = sum(all_of.values()) - all_of["-"], all_of["-"]
    found = sum(right.values()) - right["-"]
    print(f"{voice_name}: {found} of {wishes} wishes understood, {traps - right['-']} of {traps} traps taken for one, "
          f"{woken} of {wishes + traps} took 'hey {name}' for said")  # fmt: skip
    print("  " + ", ".join(f"{kind} {right[kind]}/{count}" for kind, count in all_of.items() if kind != "-"))


async def _wake(voice: TTS, ears: ASR, name: str, voice_name: str) -> None:
    count = 0
    for question in WAKE_QUESTIONS:
        heard = await _heard(await _spoken(voice, f"Hey {name}, {question}" if question else f"Hey {name}!"), ears)
        if after_phrase(heard, f"hey {name}") is None:
            print(f"  {voice_name}: the wake phrase was not found in {heard!r}")
        else:
            count += 1
    print(f"{voice_name}: wake phrase found {count} of {len(WAKE_QUESTIONS)} times")


async def _false_wakes(folder: Path, ears: ASR, name: str) -> None:
    files = sorted(path for path in (folder / "speech").iterdir() if path.suffix in {".wav", ".flac"})
    sounds = [read_audio(path, SPEECH_RATE_HZ) for path in files]
    random = np.random.default_rng(0)
    babble = []
    for _ in range(40):
        mixed = np.zeros(6 * SPEECH_RATE_HZ, np.float32)
        for place in random.choice(len(sounds), BABBLE_VOICES, replace=False):
            mixed += np.resize(sounds[place], len(mixed)) / BABBLE_VOICES
        babble.append(mixed)
    for what, clips in (("real speech", sounds), ("babble", babble)):
        seconds, woken, called = 0.0, 0, 0
        for clip in clips:
            for start in range(0, len(clip), 8 * SPEECH_RATE_HZ):
                piece = clip[start : start + 8 * SPEECH_RATE_HZ]
                heard = await _heard(piece, ears)
                seconds += len(piece) / SPEECH_RATE_HZ
                woken += after_phrase(heard, f"hey {name}") is not None
                if (intent := intent_of(heard, "en", name)) is not None:
                    called += 1
                    print(f"  {what}: {heard!r} was taken for {intent.kind.name}")
        print(f"{what}: {seconds / 60:.1f} minutes, {woken} false wakes, {called} false intents")


async def _spoken(voice: TTS, text: str) -> Samples:
    resampler = Resampler(voice.sample_rate_hz, SPEECH_RATE_HZ)
    pieces = [resampler.push(chunk.audio.samples) async for chunk in voice.synthesize(text)]
    pieces.append(resampler.push(np.zeros(0, np.float32), last=True))
    quiet = np.zeros(round(SILENCE_S * SPEECH_RATE_HZ), np.float32)
    return np.concatenate([quiet, *pieces, quiet])


async def _heard(samples: Samples, ears: ASR) -> str:
    async def chunks() -> AsyncIterator[AudioChunk]:
        for chunk in chunked(samples, SPEECH_RATE_HZ, SPEECH_RATE_HZ // 25):
            yield chunk

    text = ""
    async for transcript in ears.transcribe(chunks()):
        text = transcript.text
    return text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--voices", default=VOICES)
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    lines = [line.split("\t") for line in LABELLED.read_text("utf-8").splitlines() if not line.startswith("#")]
    english = [line for line in lines if line[0] == "en"][:: options.every]
    configured = load_config(None, [], {})
    print_machine()
    dialogues(name_of(configured))
    asyncio.run(_main(configured, english, options.folder, options.voices.split(",")))
