"""Visits whose end is made hard: connections that close slowly or fail at it, readers who don't read, errors that name
what is nobody's business, wishes that are the owner's."""

from __future__ import annotations

import asyncio

import pytest

from agent.config.config import load_config
from agent.conversation.events import Problem
from agent.log.log import LOG
from agent.log.redaction import LEFT_OUT
from agent.text.foreign_text import without_folders
from agent.web.visits.attendance import ABSENT_S, CONNECT_S
from agent.web.visits.captions import Captions
from agent.web.visits.choices import Choices
from agent.web.visits.connections import CLOSING_S
from agent.web.visits.event_log import EventLog
from agent.web.visits.life import Life, Why
from agent.web.visits.snapshot import HeardTurn, Snapshot
from agent.web.visits.wishes import Wishes
from speech.errors import InputError
from tests.virtual_time import run
from tests.visiting import FakePeer, Follower, opened


@pytest.fixture(autouse=True)
def peers(monkeypatch: pytest.MonkeyPatch) -> list[FakePeer]:
    """The connections made so far."""
    return FakePeer.take_the_place(monkeypatch)


def test_who_is_hung_up_slowly_is_hung_up_though_the_visit_ends_meanwhile(
    peers: list[FakePeer], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[FakePeer] = []
    close = FakePeer.close

    async def slowly(self: FakePeer) -> None:
        await asyncio.sleep(1.0)
        await close(self)
        closed.append(self)

    monkeypatch.setattr(FakePeer, "close", slowly)

    async def evening() -> None:
        async with opened({}) as (hall, _):
            visit = await hall.enter(Wishes())
            await visit.connect("offer")
            peers[0].vanish()
            await asyncio.sleep(0.1)
            visit.leave()
            await asyncio.sleep(2.0)
            assert closed == peers and hall.find(visit.id) is None

    run(evening())


def test_who_can_not_be_hung_up_harms_nobody_else(peers: list[FakePeer], monkeypatch: pytest.MonkeyPatch) -> None:
    close = FakePeer.close

    async def failing(self: FakePeer) -> None:
        await close(self)
        raise OSError("the socket is gone")

    async def evening() -> None:
        async with opened({}) as (hall, _):
            leaves, stays = await hall.enter(Wishes()), await hall.enter(Wishes())
            for visit in (leaves, stays):
                await visit.connect("offer")
            with monkeypatch.context() as patch:
                patch.setattr(FakePeer, "close", failing)
                await leaves.connect("another offer")
                leaves.leave()
                await asyncio.sleep(1.0)
            assert hall.find(leaves.id) is None and stays.life is Life.CONNECTED

    run(evening())


def test_who_can_not_be_hung_up_at_all_gives_up_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    close = FakePeer.close

    async def never(self: FakePeer) -> None:
        await close(self)
        await asyncio.Event().wait()

    monkeypatch.setattr(FakePeer, "close", never)

    async def evening() -> None:
        async with opened({}, "web.sessions=1") as (hall, _):
            visit = await hall.enter(Wishes())
            await visit.connect("offer")
            visit.leave()
            await asyncio.sleep(CLOSING_S + 0.1)
            assert hall.find(visit.id) is None and hall.places == 1

    run(evening())


def test_who_says_to_read_and_does_not_has_gone() -> None:
    async def evening() -> None:
        async with opened({}, "web.resume_s=5") as (hall, _):
            visit, late = await hall.enter(Wishes()), await hall.enter(Wishes())
            await visit.read()
            await late.read()
            await asyncio.sleep(ABSENT_S - 1.0)
            page = Follower(late)
            await asyncio.sleep(2.0)
            assert (visit.life, late.life) == (Life.LOST, Life.CONNECTED)
            await asyncio.sleep(CONNECT_S)
            assert visit.why is Why.LOST and late.life is Life.CONNECTED
            await page.go()

    run(evening())


def test_errors_tell_visitors_nothing_of_the_machines_folders() -> None:
    async def evening() -> None:
        async with opened({}, "web.sessions=1") as (hall, engine):
            first = await hall.enter(Wishes())
            waits = await hall.enter(Wishes())
            page = Follower(waits)
            await asyncio.sleep(0.1)
            engine.fails = InputError("/home/owner/faces/anna.png: expected a portrait, found nothing")
            first.leave()
            *_, (kind, told) = await page.to_the_end()
            assert kind == "ended" and told["message"] == "anna.png: expected a portrait, found nothing"

    run(evening())
    log = EventLog()
    Captions(log).tell(Problem("the voice in '/opt/models/voice/x.pth' is damaged"))
    assert log._kept[-1].data == {"message": "the voice in 'x.pth' is damaged"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/tmp/a/picture: too large", "picture: too large"),
        (r"C:\Users\me\voice.bin: damaged", "voice.bin: damaged"),
        ("expected the id of one of /api/portraits, or none", "expected the id of one of /api/portraits, or none"),
        ("http://127.0.0.1:11434/v1/models: refused", "http://127.0.0.1:11434/v1/models: refused"),
        ("read/write, 1/2", "read/write, 1/2"),
    ],
)
def test_of_a_path_its_last_name_stays(text: str, told: str) -> None:
    assert without_folders(text) == told


def test_where_the_owner_has_nothing_remembered_no_visitor_has() -> None:
    async def chosen(rule: str) -> str:
        choices = Choices(load_config(None, [f"tutor.remember={rule}"], {}))
        return (await choices.config_for(Wishes(remember=True, learner="Anna"))).tutor.remember

    async def main() -> list[str]:
        return [await chosen(rule) for rule in ("ask", "yes", "no")]

    assert asyncio.run(main()) == ["yes", "yes", "no"]


def test_what_a_mind_is_told_of_a_visitor_is_in_no_log() -> None:
    persona, said = "an old lighthouse keeper called Esteban Quill", "my cat is called Lord Pumpernickel"

    async def evening() -> None:
        async with opened({}) as (hall, _):
            await hall.enter(Wishes(persona=persona))
            turns = (HeardTurn(question=said, heard="", interrupted=False),)
            await hall.take_over(Snapshot(id="an-id-of-another-server", wishes=Wishes(), turns=turns))

    run(evening())
    for told in (persona, said):
        assert LOG.redaction.apply(f"the server says: {told}") == f"the server says: {LEFT_OUT}"
