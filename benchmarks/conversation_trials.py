"""Single trials of a conversation over loudspeakers: one monologue, one interruption, one question."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import users
from benchmarks.conversation_scene import Played, Scene
from benchmarks.emitted import loud_frames
from benchmarks.live import AUDIBLE
from benchmarks.users import UserItem

DUCKED = 0.71
"""A gain below this (-3 dB) is a duck."""
MISSED_S = 1.0
"""An interruption after whose end the avatar talks on for so long was missed."""
GOES_ON_S = 4.0
"""So long after a backchannel the avatar must talk again."""


class Trials:
    """What is done with a running conversation; every method is one trial and returns its row.

    Args:
        stage: the conversation.
        random: chooses items, rooms and moments.
    """

    def __init__(self, stage: Scene, random: np.random.Generator) -> None:
        self._stage, self._random = stage, random
        self._decks: dict[str, list[UserItem]] = {}
        self._done = 0
        folder = os.environ.get("VISAVIS_TEST_DATA")
        self._responses = sorted((Path(folder) / "noise").glob("sb_rir*.wav")) if folder else []

    def _next(self, deck: str, *sources: Any) -> UserItem:
        """The next item of a shuffled deck, which is shuffled again when it is empty."""
        if not self._decks.get(deck):
            items = [item for source in sources for item in source()]
            self._decks[deck] = [items[index] for index in self._random.permutation(len(items))]
        return self._decks[deck].pop()

    def _change_room(self, every: int = 6) -> dict[str, Any]:
        """Another room and delay at every sixth trial; what it is like, and whether it has just changed."""
        is_new = self._done % every == 0
        if is_new:
            room: dict[str, Any] = {"delay_s": round(float(self._random.uniform(0.08, 0.3)), 3)}
            if self._responses and self._random.random() < 0.3:
                room["response"] = str(self._random.choice([str(path) for path in self._responses]))
            else:
                room |= {"rt60_s": round(float(self._random.uniform(0.2, 0.5)), 2), "seed": self._done}
            self._stage.around.change(**room)
            self._room = {"delay_s": room["delay_s"], "room": Path(room.get("response", "synthetic")).stem}
            time.sleep(0.5)
        self._done += 1
        return {**self._room, "is_new": is_new}

    # ---- nobody but the avatar

    def echo(self) -> dict[str, Any]:
        """A monologue of half a minute, in which nobody else speaks."""
        return self._monologue("echo", self._change_room(), lambda: None)

    def drift(self) -> dict[str, Any]:
        """The same, with a clock that drifts by 200 ppm, and then a jump, a louder speaker, or another room."""
        kind = ("drift", "jump", "louder", "moved")[self._done % 4]
        around = self._stage.around
        room = self._change_room()
        around.change(drift_ppm=float(self._random.choice((-200.0, 200.0))))

        def happens() -> None:
            time.sleep(8.0)
            match kind:
                case "jump":
                    around.change(delay_s=float(self._random.uniform(0.08, 0.3)))
                case "louder":
                    around.change(gain=2.0)
                case "moved":
                    around.change(rt60_s=0.35, seed=int(self._random.integers(1000)) + 1000)

        row = self._monologue("drift", {**room, "what": kind}, happens)
        around.change(drift_ppm=0.0)
        if kind == "louder":
            self._stage.fit_echo()
        return row

    def _monologue(self, part: str, room: dict[str, Any], happens: Any) -> dict[str, Any]:
        stage = self._stage
        asked_s = stage.monologue(self._random, 25.0)
        happens()
        stage.wait_for_silence(2.5, 60.0)
        lines = stage.talker.take()
        played = stage.played(asked_s, time.monotonic())
        count = Counter(line["kind"] for line in lines)
        row = {
            "part": part,
            **room,
            "seconds": round(float(np.count_nonzero(played.loud)) / 100, 1),
            "cuts": sum(line["kind"] == "turn" and line["record"]["interrupted"] for line in lines),
            "stuck": not any(line["kind"] == "turn" for line in lines),
            "answers": sum(line["kind"] == "turn" and bool(line["record"]["question"]) for line in lines),
            "ducks": count["ducked"],
            "holds": count["held"],
            "heard": [line["text"] for line in lines if line["kind"] == "heard" and line["text"]],
        }
        stage.stop()
        return row

    # ---- somebody speaks while the avatar does

    def interruptions(self) -> dict[str, Any]:
        """A question or a command into the avatar's words."""
        item = self._next("interruptions", users.interruptions)
        return self._into_speech("interruptions", item, MISSED_S)

    def backchannels(self) -> dict[str, Any]:
        """A backchannel, or a cough, laugh or clap, into the avatar's words."""
        source = users.noises if self._random.random() < 0.4 else users.backchannels
        return self._into_speech("backchannels", self._next(source.__name__, source), GOES_ON_S)

    def _into_speech(self, part: str, item: UserItem, after_s: float) -> dict[str, Any]:
        stage, room = self._stage, self._change_room()
        asked_s = stage.monologue(self._random, 16.0)
        time.sleep(float(self._random.uniform(1.0, 5.0)))
        begun_s, speaking = stage.user(item)
        speaking.wait()
        onset_s = stage.onset_s(item, begun_s)
        time.sleep(after_s)
        heard = self._heard(6.0) if part == "interruptions" and item.kind == "question" else None
        stage.talker.take()
        lines = stage.talker.received[-40:]
        row = {"part": part, "kind": item.kind, "item": item.name, **room}
        if onset_s is None:
            return row | {"lost": True}
        end_s = time.monotonic()
        played = stage.played(asked_s, end_s)
        if not played.loud[max(0, played.frame(onset_s) - 30) : played.frame(onset_s)].any():
            return row | {"lost": True}  # it was silent just then
        row |= course(played, onset_s, onset_s + item.duration_s + after_s)
        lines = [line for line in lines if line["at_s"] > begun_s]
        row["ended"] = any(line["kind"] == "turn" and line["record"]["interrupted"] for line in lines)
        row["held"] = any(line["kind"] == "held" for line in lines)
        row["let_go"] = not row["ended"] and any(line["kind"] == "resumed" and line["was_held"] for line in lines)
        if heard is not None:
            row |= {"text": item.text, "heard": heard}
        stage.stop()
        return row

    def _heard(self, timeout_s: float) -> str:
        """The words that it has understood lately, or will in a moment."""
        talker = self._stage.talker
        lines = talker.take()
        if not any(line["kind"] == "heard" for line in lines) and talker.wait_for("heard", timeout_s):
            lines = talker.received[-1:]
        return " ".join(line["text"] for line in lines if line["kind"] == "heard")

    # ---- somebody speaks while the avatar is silent

    def turns(self) -> dict[str, Any]:
        """A question, or a sentence with a hesitation in it, while the avatar is silent."""
        stage, room = self._stage, self._change_room()
        if self._random.random() < 0.5:
            item = self._next("finished", users.finished)
        else:
            item = self._next("hesitations", users.hesitations)
        stage.talker.take()
        begun_s, speaking = stage.user(item)
        speaking.wait()
        onset_s = stage.onset_s(item, begun_s)
        row = {"part": "turns", "kind": item.kind, "item": item.name, **room, "text": item.text}
        heard = self._heard(6.0)
        stage.talker.wait_for("state", 6.0, state="speaking")
        time.sleep(0.5)
        if onset_s is None:
            return row | {"lost": True}
        start = stage.speaker.sample_at(onset_s)
        audible = np.flatnonzero(loud_frames(stage.speaker.samples(start), AUDIBLE)) / 100
        early = audible[audible < item.duration_s]
        later = audible[audible >= item.duration_s]
        row |= {
            "heard": heard,
            "cut_in": bool(len(early)),
            "answer_s": None if len(early) or not len(later) else round(float(later[0]) - item.duration_s, 3),
        }
        stage.stop()
        return row


def course(played: Played, onset_s: float, until_s: float) -> dict[str, Any]:
    """What became of the avatar's words after somebody began to speak.

    Returns:
        ducked_s: from the onset until it was softer by 3 dB; None where it never was, or nothing could be heard then.
        silent_s: until it was silent, where it should have been heard; None where it never was.
        paused_s: how long it was silent, where it went on; 0 where it never was silent.
        went_on: whether it says these words again in the end, or still.
    """
    curve, onset, until = played.gain_curve(), played.frame(onset_s), min(played.frame(until_s), len(played.loud))
    window = curve[onset:until]
    ducked = np.flatnonzero((window < DUCKED) & ~(np.r_[window[1:], np.nan] >= DUCKED))
    # Silence of 150 ms and more; what the sentence itself would have left silent does not count.
    loud = played.loud[onset:until]
    expected = np.zeros(len(window), bool)
    for place in played.places:
        at = round(place.start / 160) + np.arange(len(place.gains)) - onset
        inside = (at >= 0) & (at < len(window)) & ~np.isnan(place.gains)
        expected[at[inside]] = True
    silent_from = None
    for start in np.flatnonzero(~loud):
        stop = start + int(np.argmax(np.r_[loud[start:], True]))
        if stop - start >= 15 and (expected[start:stop].sum() >= 5 or stop >= len(loud)):
            silent_from = int(start)
            break
    # Of the same sentences: an answer to what was said is not meant.
    back = np.flatnonzero(window[silent_from or 0 :] > 0.5)
    return {
        "ducked_s": round(float(ducked[0]) / 100, 3) if len(ducked) else None,
        "silent_s": None if silent_from is None else round(silent_from / 100, 3),
        "paused_s": 0.0 if silent_from is None else (round(float(back[0]) / 100, 3) if len(back) else None),
        "went_on": bool(len(back)),
    }
