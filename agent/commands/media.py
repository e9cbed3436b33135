"""Commands on files: transcribe, say, voices; and render, which has a file of its own."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from agent.commands import options
from agent.commands.options import check_target, configured, progress, say
from agent.commands.render import render
from agent.config.config import Config
from speech.errors import InputError
from speech.worker import signals


def transcribe(
    audio: Annotated[Path, typer.Argument(metavar="AUDIO", help="A recording: WAV, FLAC, MP3, OGG, M4A …")],
    as_json: options.AsJson = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Writes down what is said in a recording, one line for each turn of speech.

    Words that are hardly likelier than others are marked as doubtful: singing and music are heard as words too.

    Examples:
    `visavis transcribe question.wav`

    `visavis transcribe lecture.mp3 --json`

    `visavis transcribe vortrag.mp3 --set ears.backend=whisper --set ears.language=de`
    """
    signals.run(_transcribe(configured(config, overrides), audio, as_json, quiet))


async def _transcribe(config: Config, audio: Path, as_json: bool, quiet: bool) -> None:
    from agent.backends.choice import chosen_ears
    from agent.backends.loading import loaded
    from agent.backends.making import make_ears
    from agent.parts import knowledge_of
    from agent.personas import name_of
    from agent.turn_detection import turn_detector
    from speech.asr.base import transcribe_recording
    from speech.audio import SPEECH_RATE_HZ
    from speech.files.sound_file import read_audio

    sound = await asyncio.to_thread(read_audio, audio, SPEECH_RATE_HZ, report=lambda line: say(line, quiet))
    phrases = knowledge_of(config).phrases(name_of(config))
    lines: list[dict[str, object]] = []
    with progress(quiet) as bar:
        task = bar.add_task("listening", total=1.0, note=f"{len(sound) / SPEECH_RATE_HZ:.0f} s")
        detector = await asyncio.to_thread(turn_detector, config)
        async with (
            loaded(
                config,
                partial(chosen_ears, accurate=True),
                lambda used: make_ears(used, phrases, accurate=True),
                on_notice=lambda notice: say(f"! {notice}", quiet),
            ) as ears,
            aclosing(
                transcribe_recording(sound, ears, detector, progress=lambda done: bar.update(task, completed=done))
            ) as transcripts,
        ):
            async for heard in transcripts:
                lines.append(
                    {
                        "start_s": round(heard.start_s, 2),
                        "end_s": round(heard.end_s, 2),
                        "text": heard.text,
                        "doubtful": heard.is_doubtful,
                    }
                )
                if not as_json:
                    print(f"[doubtful] {heard.text}" if heard.is_doubtful else heard.text, flush=True)
    if not lines:
        raise InputError(f"{audio}: expected speech, heard no words: is it silent, or only noise?")
    if doubtful := sum(bool(line["doubtful"]) for line in lines):
        say(f"{audio.name}: {doubtful} of {len(lines)} turns doubtful: singing, music, noise, another language?", quiet)
    if as_json:
        print(json.dumps(lines, indent=2, ensure_ascii=False))


def speak(
    text: Annotated[str, typer.Argument(help="What to say.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.wav", help="The recording.")],
    voice: options.VoiceName = None,
    rate: options.RateWpm = None,
    volume: options.Volume = None,
    as_json: options.AsJson = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Says a text into a WAV file.

    Examples:
    `visavis say "It is 10:30." -o time.wav`

    `visavis say "Guten Tag!" --voice de --rate 140 -o hallo.wav`

    `visavis say -o cold.wav -- "-5 degrees"`, since what begins with a dash is taken for an option before `--`
    """
    check_target(output, ".wav")
    if not text.strip():
        raise InputError("say: expected a text, got an empty one")
    settings = configured(config, overrides, voice=voice, rate_wpm=rate, volume=volume)
    signals.run(_speak(settings, text, output, as_json, quiet))


async def _speak(config: Config, text: str, output: Path, as_json: bool, quiet: bool) -> None:
    from agent.backends.choice import chosen_voice
    from agent.backends.loading import loaded
    from agent.backends.making import make_voice
    from agent.text.sentences import SentenceSplitter
    from speech.files.wav_writer import WavWriter

    splitter = SentenceSplitter()
    sentences = [*splitter.push(text), *splitter.flush()]
    words = []
    async with loaded(config, chosen_voice, make_voice, on_notice=lambda notice: say(f"! {notice}", quiet)) as voice:
        rate_hz, start = voice.sample_rate_hz, 0
        with progress(quiet) as bar, WavWriter(output, rate_hz) as recording:
            for sentence in bar.track(sentences, description="speaking"):
                async with aclosing(voice.synthesize(sentence.text)) as chunks:
                    async for chunk in chunks:
                        recording.write(chunk.audio.samples)
                        words += [
                            {
                                "word": word.text,
                                "start_s": round((start + word.start_sample) / rate_hz, 3),
                                "end_s": round((start + word.end_sample) / rate_hz, 3),
                            }
                            for word in chunk.words
                        ]
                start = recording.samples_written
            if not start:
                raise InputError("say: expected something to say, the text holds no words")
    if as_json:
        print(json.dumps({"file": str(output), "duration_s": round(start / rate_hz, 3), "words": words}, indent=2))
    else:
        say(f"{output}: {start / rate_hz:.2f} s, voice {voice.name}", quiet)


def voices(
    language: Annotated[str, typer.Argument(help="Only voices of this language, such as de or en-gb.")] = "",
    as_json: options.AsJson = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
) -> None:
    """Lists the voices that are here, as --voice takes them; a star marks the one that is taken if none is named.

    A language is a name, too: the best voice here that speaks it. An engine may stand before a voice.

    Examples:
    `visavis voices`

    `visavis voices fr`

    `visavis say "Guten Tag!" --voice de -o hallo.wav`, and with eSpeak NG's German: `--voice espeak:de`
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from agent.backends.tables import problems
    from agent.backends.voice_list import taken_voice, voices_here

    settings = configured(config, overrides)
    for problem in problems(settings):
        say(f"! {problem}")
    found = [voice for voice in voices_here(settings) if voice.language.lower().startswith(language.lower())]
    if not found:
        raise InputError(f"voices: expected a language that a voice here speaks, got '{language}'; try without it")
    if language:
        settings = settings.model_copy(update={"voice": settings.voice.model_copy(update={"language": language})})
    taken = taken_voice(settings)
    if as_json:
        rows = [{**asdict(voice), "taken": voice.id == taken} for voice in found]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = Table("", "voice", "language", "name", "gender", "engine", box=None)
    for voice in found:
        mark = "*" if voice.id == taken else ""
        table.add_row(mark, voice.id, voice.language, voice.name, voice.gender or "", voice.engine)
    Console().print(table)


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.command()(render)
    app.command()(transcribe)
    app.command("say")(speak)
    app.command()(voices)
