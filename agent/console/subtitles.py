"""Subtitles beside a video, in the SubRip (.srt) format that every player reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agent.conversation.turn import SpokenSentence, TurnRecord
from speech.audio import OUTPUT_RATE_HZ
from speech.files.draft import Draft


def write_subtitles(path: Path, records: Sequence[TurnRecord]) -> None:
    """Writes what was said and when; the user's questions (where the video has their sound) stand in brackets."""
    lines: list[SpokenSentence] = []
    for record in records:
        if record.question_start_sample is not None and record.question_end_sample is not None:
            text = f"[{record.question}]"
            lines.append(SpokenSentence(text, record.question_start_sample, record.question_end_sample))
        lines += record.heard_sentences
    blocks = [
        f"{number}\n{_stamp(line.start_sample)} --> {_stamp(line.end_sample)}\n{line.text}\n"
        for number, line in enumerate(lines, start=1)
    ]
    with Draft(path) as draft:
        draft.path.write_text("\n".join(blocks), encoding="utf-8")


def _stamp(sample: int) -> str:
    milliseconds = sample * 1000 // OUTPUT_RATE_HZ
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02},{milliseconds:03}"
