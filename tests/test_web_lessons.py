"""Lessons in visits, on virtual time: at a kiosk, at another server, and forgotten."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.tutor.progress import Progress
from agent.tutor.state import Result
from agent.web.visits.hall import Hall
from agent.web.visits.snapshot import Snapshot
from agent.web.visits.visit import Visit
from agent.web.visits.wishes import Wishes
from speech.errors import BackendError
from tests.virtual_time import run
from tests.visiting import FakePeer, Follower, opened

FIRST = 'What is the past tense of the verb "go"?'
SECOND = "One child, two what?"


@pytest.fixture(autouse=True)
def peers(monkeypatch: pytest.MonkeyPatch) -> list[FakePeer]:
    """The connections made so far."""
    return FakePeer.take_the_place(monkeypatch)


async def connected(hall: Hall, **wishes: object) -> Visit:
    visit = await hall.enter(Wishes.model_validate({"lesson": "english", **wishes}))
    await visit.connect("offer")
    return visit


async def answered(visit: Visit, text: str) -> str:
    """What is heard after something was typed."""
    before = len(visit.turns)
    assert visit.session is not None and visit.session.ask(text)
    for _ in range(100):
        await asyncio.sleep(0.5)
        if len(visit.turns) > before:
            return visit.turns[-1].heard
    raise TimeoutError("no answer")


def test_a_kiosk_begins_its_lesson_with_whoever_touches_the_screen_and_anew_with_the_next() -> None:
    async def day() -> None:
        options = ("web.kiosk=true", "web.idle_reset_s=20", "web.sessions=1")
        async with opened({}, *options) as (hall, engine):
            visit = await connected(hall)
            await asyncio.sleep(60.0)
            assert not visit.turns, "it speaks to nobody"
            visit.greet()
            visit.greet()
            await asyncio.sleep(15.0)
            assert [turn.heard.endswith(FIRST) for turn in visit.turns] == [True], "once is enough"
            assert (await answered(visit, "went")).endswith(SECOND)
            await asyncio.sleep(40.0)
            assert not visit.turns and len(engine.seeds) == 2, "they have gone"
            reply = await answered(visit, "children")
            assert "I'm Mira" in reply and reply.endswith(FIRST), "who speaks is greeted, and not judged"

    run(day())


def test_a_lesson_goes_on_at_another_server() -> None:
    kept: list[Snapshot] = []

    def keep(visit_id: str, snapshot: Snapshot | None) -> None:
        if snapshot is not None:  # as it travels
            kept.append(Snapshot.model_validate_json(snapshot.model_dump_json()))

    async def day() -> None:
        async with opened({}, keep=keep) as (hall, _):
            visit = await connected(hall)
            await asyncio.sleep(15.0)
            page = Follower(visit)
            assert (await answered(visit, "went")).endswith(SECOND)
            assert page.of("lesson")[-1]["number"] == 2 and "place" not in page.of("lesson")[-1]
            await page.go()
        async with opened({}) as (hall, _):
            again = await hall.take_over(kept[-1])
            await again.connect("offer")
            page = Follower(again)
            await asyncio.sleep(15.0)
            assert len(again.turns) == 2, "it does not greet again"
            assert page.of("lesson")[-1]["number"] == 2
            assert "Fill the gap" in await answered(again, "children")
            await page.go()

    run(day())


def test_a_learner_is_forgotten_and_only_the_own_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Progress(tmp_path)
    for name in ("Anna", "Robert"):
        progress.record(name, "everyday english", [Result("1", True)])

    async def day() -> None:
        async with opened({}, f"tutor.progress={tmp_path}") as (hall, _):
            anna = await connected(hall, learner="Anna", remember=True)
            chats = await connected(hall, lesson="")
            with monkeypatch.context() as patched, pytest.raises(BackendError, match="could not be deleted"):
                patched.setattr(Progress, "forget", _fails)
                await anna.forget_learner()
            assert progress.known("Anna")
            assert await anna.forget_learner() and not await chats.forget_learner()

    run(day())
    assert (progress.known("Anna"), progress.known("Robert")) == ("", "Robert")


def _fails(progress: Progress, name: str) -> bool:
    raise BackendError("the disk is full")
