"""Where a turn's time went: as lines, as JSON, as a plot, as subtitles."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from agent.console.subtitles import write_subtitles
from agent.console.waterfall import plot_waterfall, waterfall_lines
from agent.conversation.turn import SpokenSentence, SpokenWord, Turn, TurnRecord
from speech.audio import OUTPUT_RATE_HZ


def record() -> TurnRecord:
    made = TurnRecord(Turn(0, 0), question="what is it", question_start_sample=0, question_end_sample=OUTPUT_RATE_HZ)
    for stage, at_s in (("speech_end", 10.0), ("turn_end", 10.6), ("transcript", 10.7), ("first_audio", 10.8)):
        made.mark(stage, at_s)
    made.mark("transcript", 99.0)  # only the first time counts
    made.mark("playback_end", 12.0)
    made.sentences += [SpokenSentence("A face.", 2 * OUTPUT_RATE_HZ, 3 * OUTPUT_RATE_HZ)]
    made.words += [SpokenWord("A", 100_000), SpokenWord("face.", 144_000)]
    return made


def test_stages_are_told_from_the_users_last_sample_on() -> None:
    lines = waterfall_lines(record())
    assert [line.split(" ms")[0].split()[-1] for line in lines] == ["0", "600", "700", "800", "2000"]
    assert "█" in lines[1] and "█" not in lines[-1], "how long the answer is says nothing about speed"


def test_a_record_becomes_json() -> None:
    told = json.loads(json.dumps(record().as_json()))
    assert told["stages_s"] == {
        "speech_end": 0.0,
        "turn_end": 0.6,
        "transcript": 0.7,
        "first_audio": 0.8,
        "playback_end": 2.0,
    }
    assert told["sentences"] == [{"text": "A face.", "start_s": 2.0, "end_s": 3.0}]


def test_words_count_as_heard_when_they_have_been_said() -> None:
    assert [record().heard_until(sample) for sample in (0, 99_999, 100_000, 144_000)] == ["", "", "A", "A face."]


def test_subtitles_stand_where_the_words_are(tmp_path: Path) -> None:
    write_subtitles(tmp_path / "a.srt", [record()])
    assert (tmp_path / "a.srt").read_text() == (
        "1\n00:00:00,000 --> 00:00:01,000\n[what is it]\n\n2\n00:00:02,000 --> 00:00:03,000\nA face.\n"
    )


def test_the_plot_shows_a_bar_for_each_answer(tmp_path: Path) -> None:
    heights = []
    for count in (1, 4):
        plot_waterfall(tmp_path / "a.png", [record()] * count, "title")
        with Image.open(tmp_path / "a.png") as plot:
            heights.append(plot.height)
            blue = (np.asarray(plot.convert("RGB")) == (0x48, 0x78, 0xA8)).all(axis=2).sum()
        assert blue > 500 * count
    assert heights[1] > heights[0]
