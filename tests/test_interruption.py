"""Interruption in two steps: the state machine, places that a hold moves, and whole conversations on virtual time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.conversation.events import VoiceCut, VoiceDucked, VoiceHeld, VoiceResumed
from agent.conversation.interruption.meaning import cue_of
from agent.conversation.interruption.restart import restart_at
from agent.conversation.interruption.steps import Act, Cue, Interruption, Step
from agent.conversation.session import Session, SessionPolicy
from agent.intents.intent import Intent, Kind
from agent.intents.understood import intent_of
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples
from speech.sound_track import DUCK_SAMPLES, DUCKED_GAIN, FADE_SAMPLES, SoundTrack
from speech.turns.detector import SilenceTurnDetector
from speech.turns.onset import OnsetDetector, OnsetEvent, VoiceLost, VoiceOnset
from tests.fakes import LoudnessVAD, ScriptedEars, ScriptedMind, ToneVoice
from tests.test_live_session import Live, spoken
from tests.test_session import Scene, audible_spans
from tests.virtual_time import run

REPLY = "One two three four five six seven eight nine ten."

# ---- the steps


@given(st.lists(st.sampled_from(Cue), max_size=30))
def test_whatever_comes_in_whatever_order_the_acts_fit_what_is_heard(cues: list[Cue]) -> None:
    interruption, level, is_over = Interruption(), "full", False
    for cue in cues:
        before = interruption.step
        act = interruption.take(cue)
        if is_over:
            assert act is None and interruption.step is Step.OVER
        match act:
            case Act.DUCK:
                assert level == "full"
                level = "ducked"
            case Act.RISE:
                assert level == "ducked"
                level = "full"
            case Act.HOLD:
                assert level in ("full", "ducked")
                level = "silent"
            case Act.RESUME:
                assert level == "silent" and (before is not Step.PAUSED or cue is Cue.GO_ON)
                level = "full"
            case Act.CUT:
                is_over = True
        is_over = is_over or cue is Cue.ENDED
        if not is_over:
            assert {Step.SPEAKING: "full", Step.DUCKED: "ducked"}.get(interruption.step, "silent") == level
            assert interruption.is_silent == (level == "silent")


@pytest.mark.parametrize(
    ("words", "cue"),
    [
        ("", Cue.NOTHING_SAID),
        ("Mhm.", Cue.NOTHING_SAID),
        ("Yeah.", Cue.NOTHING_SAID),
        ("(coughs)", Cue.NOTHING_SAID),
        ("[Laughter]", Cue.NOTHING_SAID),
        ("Ha ha ha!", Cue.NOTHING_SAID),
        ("Hahaha.", Cue.NOTHING_SAID),
        ("Ahem.", Cue.NOTHING_SAID),
        ("Um, uh…", Cue.NOTHING_SAID),
        ("Stop.", Cue.CUT),
        ("Wait a second.", Cue.PAUSE),
        ("Go on.", Cue.GO_ON),
        ("Who made you?", Cue.SAID),
        ("He has a hat.", Cue.SAID),
        ("Yeah, but why?", Cue.SAID),
        ("Umbrella", Cue.SAID),
    ],
)
def test_words_say_what_becomes_of_the_turn(words: str, cue: Cue) -> None:
    assert cue_of(words, intent_of(words, "en"), is_asked=False) is cue


def test_yes_is_an_answer_where_something_was_asked() -> None:
    assert cue_of("Yes.", Intent(Kind.BACKCHANNEL), is_asked=True) is Cue.SAID
    assert cue_of("(coughs)", None, is_asked=True) is not Cue.SAID


# ---- the sound


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from("adrhgct"), st.integers(1, 3000)), max_size=14),
    st.integers(0, 900),
)
def test_a_track_never_changes_what_was_taken_and_loses_nothing_that_is_held(
    steps: list[tuple[str, int]], back: int
) -> None:
    """Each sample is its own number: what is heard tells where it comes from."""
    track, heard, written, now = SoundTrack(), np.zeros(0), 1.0, 0
    for step, size in steps:
        held = track.is_held
        match step:
            case "a":
                track.append(np.arange(written, written + size, dtype=np.float32))
                written += size
            case "d":
                track.duck()
            case "r":
                track.rise()
            case "h" if not held:
                held_at = track.hold()
            case "g" if held:
                track.go_on(max(0, held_at - back))
            case "c":
                track.cut()
            case "t":
                heard = np.concatenate([heard, track.take(now, size)])
                now += size
                np.testing.assert_array_equal(heard, track.read(0, now))
    full = track.read_at_full_level(0, now)
    loud = full[FADE_SAMPLES:] > 0
    assert np.all(heard <= full + 1e-3), "nothing is ever louder than it was written"
    assert not loud.any() or heard.max() < written


def test_a_duck_is_heard_in_what_is_read_and_not_by_the_face() -> None:
    track = SoundTrack()
    track.append(np.ones(20_000, np.float32))
    track.take(0, 4000)
    assert track.duck() == 4000 and track.is_ducked
    ducked = track.read(0, 20_000)
    assert ducked[:4000].all() and ducked[4000 + DUCK_SAMPLES] == pytest.approx(DUCKED_GAIN)
    assert np.all(np.diff(ducked[4000 : 4000 + DUCK_SAMPLES]) < 0)
    assert track.read_at_full_level(0, 20_000).min() == 1.0
    track.take(4000, 4000)
    assert track.rise() == 8000 and not track.is_ducked and track.read(19_000, 1)[0] == 1.0
    assert track.take_changed() == 0 and track.take_changed() is None, "a face need not move for it"


def test_held_sound_comes_back_from_a_place_before_the_hold_faded_in() -> None:
    track = SoundTrack()
    track.append(np.linspace(0.5, 1.0, 10_000, dtype=np.float32))
    track.take(0, 3000)
    held_at = track.hold()
    assert held_at == 3000 + FADE_SAMPLES and track.end == 10_000
    assert track.append(np.full(500, 0.25, np.float32)) == 10_000, "it follows what was taken back"
    track.take(3000, 20_000)
    assert not track.read(held_at, 19_000).any()
    moved = track.go_on(2500)
    assert moved == 23_000 - 2500 and track.end == 10_500 + moved
    again = track.read(23_000, 8000)
    np.testing.assert_allclose(
        again[DUCK_SAMPLES:7500], np.linspace(0.5, 1.0, 10_000)[2500 + DUCK_SAMPLES :], atol=1e-6
    )
    assert again[0] == 0 and np.all(np.diff(again[:DUCK_SAMPLES]) > 0) and again[7600] == 0.25
    assert track.read(0, 2000).min() > 0.4, "what was heard before stays as it is"


def test_it_goes_on_between_words() -> None:
    sound = np.ones(48_000, np.float32)
    sound[30_000:33_000] = 0.01  # between two words, as it is
    assert 30_000 < restart_at(sound, 100_000, [52_000 + 28_000]) - 52_000 < 33_000
    assert 30_000 < restart_at(sound, 100_000, []) - 52_000 < 33_000
    assert restart_at(sound[:0], 100_000, []) == 100_000


# ---- the first moment of a voice


def pushed(sound: Samples, cuts: Sequence[int], start: int = 0) -> list[OnsetEvent]:
    detector, events = OnsetDetector(LoudnessVAD(), sure_s=0.1), []
    for low, high in zip([0, *cuts], [*cuts, len(sound)], strict=True):
        events += detector.push(AudioChunk(sound[low:high], OUTPUT_RATE_HZ, start + low))
    return events


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(1, 40_000), max_size=12))
def test_onsets_are_the_same_however_the_sound_is_cut(cuts: list[int]) -> None:
    sound = spoken((0.1, 0.15), (0.4, 0.6), until_s=0.9)
    ordered = sorted({min(cut, len(sound)) for cut in cuts})
    assert pushed(sound, ordered) == pushed(sound, [])


def test_a_voice_is_noticed_within_thirty_milliseconds_and_lost_again() -> None:
    onset, lost = pushed(spoken((0.4, 0.8), until_s=1.5), [])
    assert isinstance(onset, VoiceOnset) and onset.at_s == pytest.approx(0.4, abs=0.011)
    assert isinstance(lost, VoiceLost)


def test_loudness_alone_is_no_onset_where_it_may_be_echo() -> None:
    class NeverAVoice(LoudnessVAD):
        def probability(self, window: Samples) -> float:
            return 0.0

    sound = AudioChunk(spoken((0.4, 0.8), until_s=1.5), OUTPUT_RATE_HZ, 0)
    assert OnsetDetector(NeverAVoice(), sure_s=0.1).push(sound)
    assert not OnsetDetector(NeverAVoice(), sure_s=0.1).push(sound, may_be_echo=True)
    (onset, _) = OnsetDetector(LoudnessVAD(), sure_s=0.1).push(sound, may_be_echo=True)
    assert isinstance(onset, VoiceOnset) and onset.at_s == pytest.approx(0.4, abs=0.04), "what sounds like a voice is"


def test_the_same_knock_again_is_no_news() -> None:
    knocks = [(0.5 + 0.4 * number, 0.53 + 0.4 * number) for number in range(6)]

    class NoVoice(LoudnessVAD):
        def probability(self, window: Samples) -> float:
            return 0.0

    detector, onsets, sound = OnsetDetector(NoVoice(), sure_s=0.1), 0, spoken(*knocks, until_s=4.0)
    for start in range(0, len(sound), 960):
        events = detector.push(AudioChunk(sound[start : start + 960], OUTPUT_RATE_HZ, start))
        onsets += sum(isinstance(event, VoiceOnset) for event in events)
    assert onsets == 1


# ---- whole conversations


def scene_of(
    said: Sequence[str], replies: dict[str, str], *, interim: Sequence[str] = (), delay_s: float = 0.1
) -> Scene:
    detector = SilenceTurnDetector(LoudnessVAD(), end_of_turn_s=0.5, pause_s=0.2)
    ears = ScriptedEars(["first", *said], interim=["first", *interim] if interim else ())
    mind = ScriptedMind({"first": REPLY, **replies}, delay_s=0.001)
    scene = Scene(ears=ears, mind=mind, voice=ToneVoice(), real_time=True, turns=detector)
    scene.onsets = OnsetDetector(LoudnessVAD(), sure_s=0.1)
    return scene


def told(scene: Scene) -> list[str]:
    kinds = (VoiceDucked, VoiceHeld, VoiceResumed, VoiceCut)
    return [type(event).__name__ for event in scene.events if isinstance(event, kinds)]


def test_a_backchannel_lets_it_go_on_from_the_word() -> None:
    scene = scene_of(["Mhm."], {})
    run(scene.converse(Live(spoken((1.0, 1.6), (3.4, 3.8), until_s=9.0), full_duplex=True)))
    (record,) = scene.records
    assert told(scene) == ["VoiceDucked", "VoiceHeld", "VoiceResumed"]
    assert record.heard == record.reply == REPLY and not record.interrupted
    before, after = audible_spans(scene.output.all_sound)
    held = next(event for event in scene.events if isinstance(event, VoiceHeld))
    assert held.onset_s == pytest.approx(3.4, abs=0.03) and held.at_s - held.onset_s < 0.3
    # What was said before and after is the whole reply, and at most one word twice.
    assert 2.0 <= (before[1] - before[0]) + (after[1] - after[0]) <= 2.25
    ends = [word.end_sample / OUTPUT_RATE_HZ for word in record.words]
    assert ends == sorted(ends) and ends[-1] == pytest.approx(after[1], abs=0.03)
    assert not any(before[1] + 0.01 < end < after[0] for end in ends), "no word lies in the silence"
    (sentence,) = record.sentences
    assert sentence.end_sample / OUTPUT_RATE_HZ == pytest.approx(after[1], abs=0.03)
    assert record.at_s["playback_end"] == pytest.approx(after[1], abs=0.05)
    assert scene.session.history.messages()[-1].text == REPLY


def test_words_cut_it_at_the_hold_and_are_answered() -> None:
    scene = scene_of(["why"], {"why": "Because."})
    run(scene.converse(Live(spoken((1.0, 1.6), (3.4, 4.0), until_s=7.0), full_duplex=True)))
    cut, following = scene.records
    assert told(scene) == ["VoiceDucked", "VoiceHeld", "VoiceCut"]
    held, ended = (event for event in scene.events if isinstance(event, VoiceHeld | VoiceCut))
    assert ended.at_s == held.at_s and ended.onset_s == held.onset_s == pytest.approx(3.4, abs=0.03)
    assert cut.interrupted and cut.cut_sample == pytest.approx(held.at_s * OUTPUT_RATE_HZ, abs=1)
    assert REPLY.startswith(cut.heard) and following.heard == "Because."
    # From the user's last sample, as if nothing had been held: 0.5 s of silence, 0.1 s for the words, the voice.
    assert following.since_speech_end()["first_audio"] == pytest.approx(0.5 + 0.1 + 0.02, abs=0.12)


@pytest.mark.parametrize(
    ("words", "expected", "heard"),
    [
        ("Stop.", ["VoiceDucked", "VoiceHeld", "VoiceCut"], "One two three"),
        ("Wait.", ["VoiceDucked", "VoiceHeld"], "One two three"),
        ("", ["VoiceDucked", "VoiceHeld", "VoiceResumed"], REPLY),
    ],
)
def test_stop_wait_and_a_cough_need_no_mind(words: str, expected: list[str], heard: str) -> None:
    scene = scene_of([words], {})
    run(scene.converse(Live(spoken((1.0, 1.6), (3.0, 3.5), until_s=9.0), full_duplex=True)))
    (record,) = scene.records
    assert told(scene)[: len(expected)] == expected and len(scene.mind.histories) == 1
    assert record.heard.startswith(heard) and record.interrupted == (heard != REPLY)
    assert record.heard == heard or words


def test_early_words_let_it_go_on_before_the_turn_has_ended_and_who_goes_on_is_heard() -> None:
    scene = scene_of(["Yeah but why"], {"Yeah but why": "Because."}, interim=["Yeah."])
    run(scene.converse(Live(spoken((1.0, 1.6), (3.0, 3.3), (3.7, 4.2), until_s=7.0), full_duplex=True)))
    assert told(scene) == ["VoiceDucked", "VoiceHeld", "VoiceResumed", "VoiceDucked", "VoiceHeld", "VoiceCut"]
    resumed = next(event for event in scene.events if isinstance(event, VoiceResumed))
    assert 3.5 < resumed.at_s < 3.65, "0.2 s of silence, and not 0.5 s"
    assert scene.records[1].heard == "Because."


def test_wait_and_go_on_by_voice_and_a_held_face_keeps_still() -> None:
    scene = scene_of(["Wait.", "mhm", "Go on."], {})
    spans = ((1.0, 1.6), (3.0, 3.4), (5.0, 5.4), (7.0, 7.5))
    run(scene.converse(Live(spoken(*spans, until_s=11.0), full_duplex=True)))
    (record,) = scene.records
    assert told(scene) == ["VoiceDucked", "VoiceHeld", "VoiceResumed"] and record.heard == REPLY
    resumed = next(event for event in scene.events if isinstance(event, VoiceResumed))
    assert resumed.was_asked and resumed.at_s > 7.9


def test_a_pause_by_key_holds_requests_ends_by_itself_and_lets_the_floor_go() -> None:
    scene = scene_of([], {"how are you": "Fine."})
    scene.policy = SessionPolicy(longest_pause_s=2.0)
    told_so: list[object] = []
    at = [
        (2.6, lambda: told_so.append(scene.session.hold())),
        (2.8, lambda: told_so.append((scene.session.is_held, scene.session.hold(), scene.session.say("Attention.")))),
    ]
    run(scene.converse(Live(spoken((1.0, 1.6), until_s=8.0), at=at)))
    assert told_so == [True, (True, False, True)] and not scene.session.resume() and not scene.session.hold()
    assert told(scene) == ["VoiceHeld", "VoiceCut"]
    cut, announcement = scene.records
    assert cut.interrupted and announcement.heard == "Attention."
    (first, second) = audible_spans(scene.output.all_sound)
    assert first[1] < 2.75 and second[0] > 4.6


def test_a_typed_question_ends_a_pause_and_typed_wishes_are_obeyed_at_once() -> None:
    scene = scene_of([], {"how are you": "Fine."})
    at = [
        (2.6, lambda: scene.session.ask("wait")),
        (3.5, lambda: scene.session.ask("go on")),
        (3.8, lambda: scene.session.hold()),
        (4.5, lambda: scene.session.ask("how are you")),
    ]
    run(scene.converse(Live(spoken((1.0, 1.6), until_s=7.0), at=at)))
    assert told(scene) == ["VoiceHeld", "VoiceResumed", "VoiceHeld", "VoiceCut"]
    assert [record.heard for record in scene.records][1:] == ["Fine."]


def test_a_voice_while_it_thinks_holds_the_answer_back_until_it_is_known_to_be_nothing() -> None:
    scene = scene_of([""], {})
    scene.mind = ScriptedMind({"first": "Yes indeed."}, delay_s=0.4)
    run(scene.converse(Live(spoken((1.0, 1.6), (2.3, 3.4), until_s=7.0), full_duplex=True)))
    (record,) = scene.records
    (span,) = audible_spans(scene.output.all_sound)
    assert record.heard == "Yes indeed." and span[0] > 3.9 and told(scene)[-1] == "VoiceResumed"
    assert record.at_s["first_audio"] == pytest.approx(span[0], abs=0.05)


def test_go_on_after_a_cut_says_the_rest_from_the_sentence_that_was_cut() -> None:
    reply = "One two three four. Five six seven eight nine. Ten eleven twelve."
    scene = scene_of(["why", "go on"], {"first": reply, "why": "Because."})
    spans = ((1.0, 1.6), (3.7, 4.2), (6.5, 7.0))
    run(scene.converse(Live(spoken(*spans, until_s=12.0), full_duplex=True)))
    cut, _, rest = scene.records
    assert cut.heard.startswith("One two three four. Five") and cut.interrupted
    assert rest.heard == "Five six seven eight nine. Ten eleven twelve." and len(scene.mind.histories) == 2


def test_go_on_lets_a_mind_that_had_not_finished_go_on() -> None:
    scene = scene_of(["go on"], {"go on": "And then came two."})
    scene.mind = ScriptedMind({"first": "One was there. " + "word " * 30, "go on": "And then came two."}, delay_s=0.2)
    run(
        scene.converse(Live(spoken((1.0, 1.6), (3.3, 3.8), until_s=9.0), at=[(3.1, lambda: scene.session.interrupt())]))
    )
    cut, rest = scene.records
    assert cut.interrupted and rest.heard == "One was there. And then came two."
    history = scene.mind.histories[1]
    assert history[-1].text == "One was there." and history[-1].interrupted


def test_the_last_sentence_of_a_conversation_is_not_said_while_it_is_paused() -> None:
    scene = scene_of([], {})
    ends: list[asyncio.Task[bool]] = []

    def end() -> None:
        ends.append(asyncio.get_running_loop().create_task(scene.session.finish_sentence()))

    at = [(2.6, lambda: scene.session.hold()), (3.0, end)]
    run(scene.converse(Live(spoken((1.0, 1.6), until_s=4.0), at=at)))
    assert not ends[0].result() and scene.records[0].interrupted


SCRIPT = st.lists(
    st.tuples(
        st.sampled_from(["noise", "mhm", "why", "stop", "wait", "go on", "hold", "resume", "cut"]), st.integers(2, 12)
    ),
    max_size=5,
)


@settings(max_examples=4, deadline=None)
@given(SCRIPT)
def test_whatever_the_user_does_nothing_is_lost_or_said_twice(script: list[tuple[str, int]]) -> None:
    """Words and keys in any order, also into each other: books and sound agree in the end."""
    reply = "One two three four five. Six seven eight nine ten. Eleven twelve."
    spans, words, at, now_s = [(0.2, 0.6)], [], [], 1.6
    scene = scene_of([], {})
    acts = {"hold": Session.hold, "resume": Session.resume, "cut": Session.interrupt}
    for what, tenths in script:
        now_s += tenths / 10
        if what in acts:
            at.append((now_s, lambda act=acts[what]: act(scene.session)))
        else:
            spans.append((now_s, now_s + 0.3))
            words.append("" if what == "noise" else what)
            now_s += 0.3 + 0.6
    scene.ears = ScriptedEars(["first", *words])
    # Whoever goes on within a moment has asked one question of both.
    scene.mind = ScriptedMind(defaultdict(lambda: "Because.", {"first": reply}))
    scene.policy = SessionPolicy(longest_pause_s=3.0)
    run(scene.converse(Live(spoken(*spans, until_s=now_s + 5.0), full_duplex=True, at=at)))
    assert scene.session.is_quiet and not scene.session.is_held
    sound = scene.output.all_sound
    for record in scene.records:
        ends = [word.end_sample for word in record.words]
        assert ends == sorted(ends)
        assert record.reply.startswith(record.heard) and (record.interrupted or record.heard == record.reply)
        for word in record.words:
            if record.cut_sample is None or word.end_sample <= record.cut_sample:
                assert np.abs(sound[word.end_sample - 4800 : word.end_sample - 100]).max() > 0.04, (
                    "a word was not heard"
                )
    for held, after in zip(scene.events, scene.events[1:], strict=False):
        assert not (isinstance(held, VoiceHeld) and isinstance(after, VoiceHeld))


def test_a_hum_without_words_lets_it_go_on_soon_and_words_that_come_late_still_count() -> None:
    scene = scene_of(["why"], {"why": "Because."})
    scene.turns = SilenceTurnDetector(LoudnessVAD(), end_of_turn_s=1.5, pause_s=0.2)
    run(scene.converse(Live(spoken((1.0, 1.6), (4.0, 4.4), until_s=9.0), full_duplex=True)))
    assert told(scene) == ["VoiceDucked", "VoiceHeld", "VoiceResumed", "VoiceCut"]
    resumed = next(event for event in scene.events if isinstance(event, VoiceResumed))
    assert resumed.at_s == pytest.approx(4.4 + 0.2 + 0.5, abs=0.12) and not resumed.was_asked
    assert scene.records[1].heard == "Because."
