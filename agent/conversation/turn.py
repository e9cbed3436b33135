"""One exchange: a question, its answer, and when each stage of it happened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from speech.audio import OUTPUT_RATE_HZ

STAGES = (
    "speech_end",
    "turn_end",
    "transcript",
    "first_token",
    "first_sentence",
    "first_audio",
    "first_moving_mouth",
    "playback_end",
)
"""What happens in a turn, in order: the user's last sample; the end of the turn is decided; the final transcript; the
mind's first piece of text; the first whole sentence; the first audible sample goes out; the first frame whose mouth has
moved goes out; the last sample goes out."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Which turn of a session it is.

    Attributes:
        id: 0 for the first one.
        generation: how many turns were cut before it began.
    """

    id: int
    generation: int


@dataclass(frozen=True, slots=True)
class SpokenSentence:
    """A sentence and its place in the output, in output samples."""

    text: str
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word and the output sample at which it has been said."""

    text: str
    end_sample: int


@dataclass(slots=True)
class FloorFigures:
    """Filled in as it happens (`agent.conversation.latency`), from the end of the turn before to the end of this one.

    Attributes:
        to_duck_s: from the first sample of the user's voice to the first quieter one of the avatar's, each time.
        to_silence_s: likewise, to its silence: a hold, or a cut without one.
        holds: how often it fell silent and kept what it had not said, by whatever it was asked.
        false_stops: how often it fell silent for a voice, and went on without being asked: it was no interruption.
        missed_stops: how often the user talked on over it for half a second, and it was ducked but did not fall silent.
        turns_resumed: how often what was taken for the end of the user's turn was none.
        cut_ins: of these, how often it had begun to say something.
        fillers: said while the mind worked.
        backchannels: said while the user spoke.
        dropped: what the user said, or others asked for, that is not answered.
        double_talk_s: seconds in which both of them spoke.
        echo_reports: how often the echo was measured.
        echo_sum_db: of the levels of its own voice in the microphone, each in dB relative to full scale.
        erle_sum_db: of what was taken out of it, each in dB (echo return loss enhancement).
    """

    to_duck_s: list[float] = field(default_factory=list)
    to_silence_s: list[float] = field(default_factory=list)
    holds: int = 0
    false_stops: int = 0
    missed_stops: int = 0
    turns_resumed: int = 0
    cut_ins: int = 0
    fillers: int = 0
    backchannels: int = 0
    dropped: int = 0
    double_talk_s: float = 0.0
    echo_reports: int = 0
    echo_sum_db: float = 0.0
    erle_sum_db: float = 0.0

    @property
    def echo_db(self) -> float | None:
        """The mean level of the echo, in dB relative to full scale; None where it was not measured."""
        return self.echo_sum_db / self.echo_reports if self.echo_reports else None

    @property
    def erle_db(self) -> float | None:
        """The mean of what was taken out of it, in dB."""
        return self.erle_sum_db / self.echo_reports if self.echo_reports else None

    def as_json(self) -> dict[str, Any]:
        """What happened; what didn't is left out. Times in seconds, levels in dB."""
        values = {
            "to_duck_s": [round(value, 4) for value in self.to_duck_s],
            "to_silence_s": [round(value, 4) for value in self.to_silence_s],
            "holds": self.holds,
            "false_stops": self.false_stops,
            "missed_stops": self.missed_stops,
            "turns_resumed": self.turns_resumed,
            "cut_ins": self.cut_ins,
            "fillers": self.fillers,
            "backchannels": self.backchannels,
            "dropped": self.dropped,
            "double_talk_s": round(self.double_talk_s, 3),
            "echo_db": None if self.echo_db is None else round(self.echo_db, 1),
            "erle_db": None if self.erle_db is None else round(self.erle_db, 1),
        }
        return {name: value for name, value in values.items() if value not in (None, 0, [])}


@dataclass(slots=True)
class TurnRecord:
    """What happened in one turn; filled in as it happens.

    Attributes:
        turn: which one.
        question: what was heard or typed.
        question_start_sample: where the question begins in the output, if its sound is part of it.
        question_end_sample: likewise, where it ends.
        sentences: the reply as it was spoken.
        words: its words.
        heard: what of the reply was played.
        filler: what was said while the mind worked; no part of the reply.
        is_unanswered: the words were not meant for the avatar, and are not remembered.
        interrupted: whether it was cut off.
        cut_sample: where in the output it was cut off, or None.
        at_s: event-loop time of each stage that happened.
        floor: how the two of them shared the floor.
        problem: what went wrong, one line, or None.
    """

    turn: Turn
    question: str = ""
    question_start_sample: int | None = None
    question_end_sample: int | None = None
    sentences: list[SpokenSentence] = field(default_factory=list)
    words: list[SpokenWord] = field(default_factory=list)
    heard: str = ""
    filler: str = ""
    is_unanswered: bool = False
    interrupted: bool = False
    cut_sample: int | None = None
    at_s: dict[str, float] = field(default_factory=dict)
    floor: FloorFigures = field(default_factory=FloorFigures)
    problem: str | None = None

    @property
    def reply(self) -> str:
        """The whole reply as it was given to the voice."""
        return " ".join(sentence.text for sentence in self.sentences)

    @property
    def heard_sentences(self) -> list[SpokenSentence]:
        """The sentences as far as they were played: those that were cut off end there."""
        end = self.cut_sample
        if end is None:
            return self.sentences
        return [
            replace(sentence, end_sample=min(sentence.end_sample, end))
            for sentence in self.sentences
            if sentence.start_sample < end
        ]

    def mark(self, stage: str, at_s: float) -> None:
        """Notes when a stage happened; only the first time counts."""
        assert stage in STAGES
        self.at_s.setdefault(stage, at_s)

    def move(self, after: int, by: int) -> None:
        """What was not heard at sample `after` comes `by` samples later: a hold has ended."""
        self.words = [
            replace(word, end_sample=word.end_sample + by) if word.end_sample > after else word for word in self.words
        ]
        self.sentences = [
            replace(
                sentence,
                start_sample=sentence.start_sample + by * (sentence.start_sample >= after),
                end_sample=sentence.end_sample + by * (sentence.end_sample > after),
            )
            for sentence in self.sentences
        ]

    def heard_until(self, position: int) -> str:
        """The words that had been said when `position` output samples were played."""
        return " ".join(word.text for word in self.words if word.end_sample <= position)

    def since_speech_end(self) -> dict[str, float]:
        """Seconds from the user's last sample (or from the typed question) to each stage that happened."""
        start = self.at_s.get("speech_end", min(self.at_s.values(), default=0.0))
        return {stage: self.at_s[stage] - start for stage in STAGES if stage in self.at_s}

    def as_json(self) -> dict[str, Any]:
        """What is kept as one JSON line; times in seconds, places in seconds of the output."""
        return {
            "turn": self.turn.id,
            "generation": self.turn.generation,
            "question": self.question,
            "question_start_s": _seconds(self.question_start_sample),
            "question_end_s": _seconds(self.question_end_sample),
            "reply": self.reply,
            "heard": self.heard,
            "filler": self.filler,
            "interrupted": self.interrupted,
            "problem": self.problem,
            "stages_s": {stage: round(value, 4) for stage, value in self.since_speech_end().items()},
            "floor": self.floor.as_json(),
            "sentences": [
                {
                    "text": sentence.text,
                    "start_s": _seconds(sentence.start_sample),
                    "end_s": _seconds(sentence.end_sample),
                }
                for sentence in self.heard_sentences
            ],
        }


def _seconds(sample: int | None) -> float | None:
    return None if sample is None else round(sample / OUTPUT_RATE_HZ, 4)
