"""A conversation that is written to a video, and the command `ask` that holds one."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands import options
from agent.commands.options import check_lesson, check_target, check_video, configured, progress, say
from agent.commands.transcript_log import TranscriptLog
from agent.config.config import Config
from avatar.outputs.base import VIDEO_SUFFIXES
from speech.errors import InputError
from speech.worker import signals

if TYPE_CHECKING:
    from agent.conversation.events import TypedText
    from agent.conversation.questions import RecordedQuestion
    from agent.conversation.turn import TurnRecord

# People stop to think in the middle of a recorded question; only a longer silence separates two of them.
RECORDED_END_OF_TURN_S = 1.2
# With the question's sound in the video, this much silence before it lets the viewer look at the face first.
PAUSE_BEFORE_QUESTION_S = 0.5


def ask(
    questions: Annotated[
        list[Path] | None, typer.Argument(metavar="[QUESTION.wav]...", help="Recorded questions, in English.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.mp4", help="The video of the answer.")] = Path(
        "answer.mp4"
    ),
    text: Annotated[list[str] | None, typer.Option("--text", "-t", help="A typed question; may be repeated.")] = None,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Record the conversation as it happens, with the questions' sound.")
    ] = False,
    subtitles: Annotated[bool, typer.Option("--subtitles", help="Write an .srt file beside the video.")] = False,
    lesson: options.LessonName = None,
    portrait: options.PortraitName = None,
    landmarks: options.Landmarks = None,
    voice: options.VoiceName = None,
    rate: options.RateWpm = None,
    volume: options.Volume = None,
    seed: options.Seed = None,
    as_json: options.AsJson = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Answers recorded or typed questions; a face says the answers in a video.

    Several questions are one conversation: first the recordings, then the texts. Beside the video lies a .jsonl file
    with what was heard, what was said, and when each stage happened.

    Examples:
    `visavis ask question.wav -o answer.mp4`

    `visavis ask first.wav second.wav --portrait me.jpg --subtitles -o talk.mp4`

    `visavis ask --text "What can you do?" --text "Tell me more." -o answer.mp4`
    """
    check_target(output, *VIDEO_SUFFIXES)
    if not questions and not text:
        raise InputError("ask: expected a recorded question or --text 'a question', got neither")
    if any(not question.strip() for question in text or ()):
        raise InputError("ask: expected a question after --text, got an empty one")
    settings = configured(
        config,
        overrides,
        portrait=portrait,
        landmarks=landmarks,
        voice=voice,
        rate_wpm=rate,
        volume=volume,
        seed=seed,
        more={"tutor.lesson": lesson},
    )
    check_lesson(settings)
    check_video(output, settings)
    subtitles = subtitles or settings.output.subtitles
    if subtitles:
        check_target(output.with_suffix(".srt"))
    asked = load_questions(questions or [], text or [], quiet=quiet)
    conversation = Conversation(settings, output, quiet=quiet)
    signals.run(conversation.run(asked, real_time=real_time, end_of_turn_s=RECORDED_END_OF_TURN_S))
    conversation.write_beside(subtitles=subtitles)
    if as_json:
        print(json.dumps([record.as_json() for record in conversation.records], indent=2, ensure_ascii=False))
    else:
        say(f"{output}: the answer; {output.with_suffix('.jsonl').name}: what happened when", quiet)


class Conversation:
    """One session that is written to a video, told on the terminal, and kept as JSON lines.

    Args:
        config: the whole configuration.
        video: the MP4.
        quiet: tell nothing.

    Raises:
        InputError: its transcripts can't be written.
    """

    def __init__(self, config: Config, video: Path, *, quiet: bool) -> None:
        self._config, self._video, self._quiet = config, video, quiet
        self._transcript_log = TranscriptLog(config, quiet=quiet)
        self._transcript_log.check(video)

    @property
    def records(self) -> list[TurnRecord]:
        """The turns so far."""
        return self._transcript_log.records

    async def run(
        self, asked: Sequence[RecordedQuestion | TypedText], *, real_time: bool, end_of_turn_s: float | None
    ) -> None:
        """Asks all questions and waits until the last answer was played and written."""
        from agent.backends.planning import planned_outputs
        from agent.conversation.questions import Questions
        from agent.engine import Part, load_engine
        from avatar.outputs.opening import open_outputs

        began = time.perf_counter()
        config = self._config
        wait_s = config.ears.end_of_turn_s if end_of_turn_s is None else end_of_turn_s
        audio = Questions(
            asked,
            real_time=real_time,
            silence_after_s=wait_s + 0.3,  # the detector must see the whole pause, after the last soft sound
            pause_before_s=PAUSE_BEFORE_QUESTION_S,
        )
        with progress(self._quiet) as bar:
            task = bar.add_task(f"{self._video.name}", total=None, note="")
            self._transcript_log.show_state = lambda state: bar.update(task, note=state)  # the bar lives only in here
            parts = Part.CONVERSATION if audio.hears else Part.TYPED_CONVERSATION
            async with load_engine(config, parts, on_preparing=self._say) as engine, engine.face() as face:
                for notice in face.portrait.notices:
                    self._say(f"{face.portrait.path.name}: {notice}")
                self._say(f"(loaded in {time.perf_counter() - began:.1f} s)")
                planned = planned_outputs(config, is_live=False, portrait=face.portrait, video=self._video)
                async with (
                    open_outputs(planned, on_problem=lambda problem: self._say(f"! {problem}")) as outputs,
                    engine.session(
                        audio,
                        outputs,
                        on_event=self._transcript_log.on_event,
                        apologises=len(asked) > 1,
                        end_of_turn_s=end_of_turn_s,
                    ) as session,
                ):
                    await session.run()

    def _say(self, line: str) -> None:
        say(line, self._quiet)

    def write_beside(self, *, subtitles: bool) -> None:
        """Writes the turns as JSON lines beside the video and where the configuration keeps them, and subtitles."""
        from agent.console.subtitles import write_subtitles

        self._transcript_log.write(self._video)
        if subtitles:
            write_subtitles(self._video.with_suffix(".srt"), self.records)


def load_questions(
    files: Sequence[Path], texts: Sequence[str], *, quiet: bool = False
) -> list[RecordedQuestion | TypedText]:
    """Recordings first, then texts, as a session's source takes them.

    Raises:
        InputError: a file that holds no sound.
    """
    from agent.conversation.events import TypedText
    from agent.conversation.questions import RecordedQuestion
    from speech.audio import OUTPUT_RATE_HZ
    from speech.files.sound_file import read_audio

    def report(line: str) -> None:
        say(line, quiet)

    recordings = [RecordedQuestion(path.name, read_audio(path, OUTPUT_RATE_HZ, report=report)) for path in files]
    return [*recordings, *map(TypedText, texts)]


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command()(ask)
