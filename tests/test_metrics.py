"""Figures: how the two share the floor is counted turn by turn, told everywhere alike, and read by Prometheus."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.commands.live_runs import Talk
from agent.config.config import load_config
from agent.console.waterfall import waterfall_lines
from agent.conversation.events import (
    EchoMeasured,
    Event,
    FillerSaid,
    RequestDropped,
    Say,
    TurnFinished,
    TypedText,
    UserWentOnAfterEnd,
    UtteranceDropped,
    VoiceCut,
    VoiceDucked,
    VoiceHeld,
    VoiceResumed,
)
from agent.conversation.latency import LatencyObserver
from agent.conversation.turn import Turn, TurnRecord
from agent.metrics import endpoint
from agent.metrics.endpoint import check_metrics, metrics_endpoint
from agent.metrics.figures import ConversationFigures
from agent.metrics.series import as_text, conversation_series
from agent.web.api.metrics import hall_series
from speech.errors import InputError
from tests.fake_hall import FakeHall
from tests.fakes import ScriptedMind
from tests.test_session import Scene
from tests.virtual_time import run

ROOT = Path(__file__).parent.parent

FALSE_STOP = [VoiceDucked(10.0, 10.06), VoiceHeld(10.2, 10.0), VoiceResumed(10.5, was_held=True)]
A_CUT = [VoiceDucked(20.0, 20.05), VoiceHeld(20.21, 20.0), VoiceCut(20.21, 20.0)]
AT_ONCE = [VoiceDucked(30.0, 30.04), VoiceCut(30.1, 30.0)]
BY_A_KEY = [VoiceHeld(40.0), VoiceResumed(41.0, was_held=True, was_asked=True), VoiceCut(42.0)]
WAIT_THEN_GO_ON = [VoiceHeld(50.3, 50.0), VoiceResumed(55.0, was_held=True, was_asked=True)]
ONLY_DUCKED = [VoiceDucked(60.0, 60.03), VoiceResumed(60.3, was_held=False)]


def floor_of(*events: Event) -> dict[str, object]:
    """What is told of the turn in which these happened."""
    record = TurnRecord(Turn(0, 0))
    passed_on: list[Event] = []

    async def main() -> None:
        observer = LatencyObserver(passed_on.append)
        observer.turn_began(record, 0.0)
        for event in (*events, TurnFinished(record)):
            observer.take(event)

    run(main())
    assert passed_on == [*events, TurnFinished(record)]
    told = json.loads(json.dumps(record.as_json()))["floor"]
    assert isinstance(told, dict)
    return told


@pytest.mark.parametrize(
    ("events", "floor"),
    [
        ([], {}),
        (FALSE_STOP, {"to_duck_s": [0.06], "to_silence_s": [0.2], "holds": 1, "false_stops": 1}),
        (A_CUT, {"to_duck_s": [0.05], "to_silence_s": [0.21], "holds": 1}),
        (AT_ONCE, {"to_duck_s": [0.04], "to_silence_s": [0.1]}),
        (BY_A_KEY, {"holds": 1}),
        (WAIT_THEN_GO_ON, {"to_silence_s": [0.3], "holds": 1}),
        (ONLY_DUCKED, {"to_duck_s": [0.03]}),
        ([*FALSE_STOP, *A_CUT], {"to_duck_s": [0.06, 0.05], "to_silence_s": [0.2, 0.21], "holds": 2, "false_stops": 1}),
        ([VoiceDucked(60.0, 60.04), VoiceResumed(60.9, was_held=False)], {"to_duck_s": [0.04], "missed_stops": 1}),
        ([UserWentOnAfterEnd(0.6, False), UserWentOnAfterEnd(0.9, True)], {"turns_resumed": 2, "cut_ins": 1}),
        ([FillerSaid("Let me see.", "filler"), FillerSaid("Mm-hm.", "backchannel")], {"fillers": 1, "backchannels": 1}),
        ([UtteranceDropped("aside"), RequestDropped(Say("x"), "it was stopped")], {"dropped": 2}),
        (
            [EchoMeasured(-30.0, 20.0, 0.25), EchoMeasured(-34.0, 26.0, 0.5)],
            {"double_talk_s": 0.75, "echo_db": -32.0, "erle_db": 23.0},
        ),
    ],
)
def test_what_happens_on_the_floor_is_counted(events: list[Event], floor: dict[str, object]) -> None:
    assert floor_of(*events) == floor


def test_what_happens_between_turns_belongs_to_the_next_one() -> None:
    records = [TurnRecord(Turn(number, 0)) for number in range(2)]

    async def main() -> None:
        observer = LatencyObserver(lambda event: None)
        observer.take(UtteranceDropped("asleep"))
        for record in records:
            observer.turn_began(record, 0.0)
            observer.take(UserWentOnAfterEnd(0.5, True))
            observer.take(TurnFinished(record))
        observer.take(UserWentOnAfterEnd(0.5, True))

    run(main())
    assert [record.floor.cut_ins for record in records] == [1, 1] and records[0].floor.dropped == 1


def test_a_session_s_own_events_are_counted() -> None:
    scene = Scene(mind=ScriptedMind({"a": "Yes."}))
    scene.ask(TypedText("a"))
    assert [record.floor.as_json() for record in scene.records] == [{}]
    figures = ConversationFigures()
    for event in scene.events:
        figures.observe(event)
    assert figures.turns == {"answered": 1} and sum(figures.latency["first_audio"].counts) == 1


def test_the_waterfall_tells_how_soon_it_made_room() -> None:
    record = TurnRecord(Turn(0, 0))
    record.mark("speech_end", 0.0)
    plain = waterfall_lines(record)
    record.floor.to_duck_s, record.floor.to_silence_s, record.floor.false_stops = [0.9, 0.058], [0.214], 1
    more = [" ".join(line.split()) for line in waterfall_lines(record)[len(plain) :]]
    assert more == [
        "ducked for you 58 ms after your voice began",
        "silent for you 214 ms after your voice began",
        "went wrong 1 false stops",
    ]


# ---- Prometheus


def busy() -> ConversationFigures:
    """Figures of a few turns, each with words in it."""
    figures = ConversationFigures()
    figures.add(1000, 3, 2)
    for events in (FALSE_STOP, A_CUT, [EchoMeasured(-30.0, 20.0, 0.25), FillerSaid("a secret", "filler")]):
        record = TurnRecord(Turn(0, 0), question="a secret")

        async def main(record: TurnRecord = record, events: list[Event] = events) -> None:  # type: ignore[assignment]
            observer = LatencyObserver(figures.observe)
            observer.turn_began(record, 0.3)
            for event in (*events, TurnFinished(record)):
                observer.take(event)

        run(main())
    return figures


def samples_of(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_the_same_of_talk_and_serve() -> None:
    figures = busy()
    text = as_text(lambda: conversation_series(figures)).decode()
    samples = samples_of(text)
    assert samples["visavis_duck_seconds_count",] == 2
    assert samples["visavis_duck_seconds_bucket", "0.04"] == 0 and samples["visavis_duck_seconds_bucket", "0.08"] == 2
    assert samples["visavis_silence_seconds_sum",] == pytest.approx(0.41)
    assert (samples["visavis_holds_total",], samples["visavis_false_stops_total",]) == (2, 1)
    assert samples["visavis_fillers_total",] == 1 and samples["visavis_double_talk_seconds_total",] == 0.25
    assert samples["visavis_echo_decibels",] == -30
    assert samples["visavis_echo_return_loss_enhancement_decibels",] == 20
    assert samples["visavis_turns_total", "answered"] == 3 and samples["visavis_frames_total",] == 1000
    assert samples["visavis_answer_seconds_bucket", "0.3", "turn_end"] == 3
    assert "secret" not in text
    hall = FakeHall()
    for name, value in vars(figures).items():
        setattr(hall.figures, name, value)
    served = samples_of(as_text(lambda: hall_series(hall, {200: 5})).decode())  # type: ignore[arg-type]
    assert served.items() >= samples.items()
    assert len(served) - len(samples) < 20


async def _get(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


@contextmanager
def free_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_talk_answers_prometheus_on_this_machine_and_refuses_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_PATIENCE_S", 0.2)
    figures = busy()
    with free_port() as port:
        pass

    async def main() -> None:
        async with metrics_endpoint(port, lambda: figures):
            answers = await asyncio.gather(
                _get(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
                _get(port, b"GET /metrics?name=x HTTP/1.0\r\n\r\n"),
                _get(port, b"GET / HTTP/1.1\r\n\r\n"),
                _get(port, b"POST /metrics HTTP/1.1\r\n\r\n"),
                _get(port, b"\x16\x03\x01\x02\r\n\r\n"),
                _get(port, b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n"),
                _get(port, b"GET /met"),
            )
            first, *_ = answers
            head, _, body = first.partition(b"\r\n\r\n")
            assert b"text/plain; version=0.0.4" in head and f"Content-Length: {len(body)}".encode() in head
            assert samples_of(body.decode())["visavis_holds_total",] == 2
            statuses = [answer.partition(b"\r\n")[0].split(b" ")[1] for answer in answers[:5]]
            assert statuses == [b"200", b"200", b"404", b"405", b"400"] and answers[5:] == [b"", b""]
            with pytest.raises(InputError, match=rf"metrics\.port: expected a free port, got {port}"):
                async with metrics_endpoint(port, lambda: figures):
                    pass
        with pytest.raises(OSError):
            await _get(port, b"")

    asyncio.run(main())


def test_metrics_are_off_unless_they_are_wanted_and_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "find_spec", lambda name: None)
    check_metrics(0)
    with pytest.raises(InputError, match=r"pip install 'visavis\[metrics\]'"):
        check_metrics(9464)
    with pytest.raises(InputError, match="prometheus-client, not installed"):
        Talk(load_config(None, ["metrics.port=9464"], {}), None, quiet=True)


def test_every_series_is_explained_and_the_dashboard_shows_only_what_there_is() -> None:
    hall = FakeHall()
    for name, value in vars(busy()).items():
        setattr(hall.figures, name, value)
    families = {family.name: family for family in hall_series(hall, {200: 1})}  # type: ignore[arg-type]
    exposed = {f"{name}_total" if family.type == "counter" else name for name, family in families.items()}
    told = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    explained = set(re.findall(r"^\| `(visavis_\w+)", told, re.MULTILINE))
    assert explained == exposed
    board = (ROOT / "deploy" / "grafana.json").read_text("utf-8")
    panels = json.loads(board)["panels"]
    shown = {
        name.removesuffix("_bucket")
        for panel in panels
        for target in panel["targets"]
        for name in re.findall(r"visavis_\w+", target["expr"])
    }
    assert shown <= exposed and len(shown) >= 10
    assert len({panel["id"] for panel in panels}) == len(panels)
