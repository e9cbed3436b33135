"""Visitors come, wait, talk, vanish, come back and go: halls and visits on virtual time."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from agent.conversation.events import AttentionChanged, SaidGoodbye, TurnFinished
from agent.conversation.turn import Turn, TurnRecord
from agent.llm.base import Message
from agent.web.rtc.peer_sound import PICTURE_S, PLAYOUT_S
from agent.web.visits.attendance import ABSENT_S, CONNECT_S
from agent.web.visits.event_log import KEPT, MOST_FOLLOWERS, EventLog
from agent.web.visits.hall import Hall, HallClosing
from agent.web.visits.life import Life, Why
from agent.web.visits.places import HallFullError, Places
from agent.web.visits.snapshot import Snapshot
from agent.web.visits.visit import Visit
from agent.web.visits.wishes import Wishes
from avatar.motion import Motion
from speech.audio import OUTPUT_RATE_HZ
from speech.errors import InputError, VisavisError
from speech.events import Transcript
from tests.test_live_session import spoken
from tests.virtual_time import run
from tests.visiting import GARBAGE, FakePeer, Follower, StillSampler, opened

REPLIES = {
    "hello": "One two three. Four five six. Seven eight nine.",
    "and then": "Ten eleven.",
    "what is it": "A face.",
}


@pytest.fixture(autouse=True)
def peers(monkeypatch: pytest.MonkeyPatch) -> list[FakePeer]:
    """The connections made so far."""
    return FakePeer.take_the_place(monkeypatch)


async def connected(hall: Hall) -> Visit:
    visit = await hall.enter(Wishes())
    await visit.connect("offer")
    return visit


def ask(visit: Visit, text: str) -> None:
    assert visit.session is not None and visit.session.ask(text)


# ---- places and the line


def test_places_go_to_those_who_came_first() -> None:
    places, moves = Places(2, waiting=2), list[tuple[int, int]]()
    tickets = [places.join() for _ in range(4)]
    for number, ticket in enumerate(tickets):
        ticket.on_moved = lambda place, number=number: moves.append((number, place))  # type: ignore[misc]
    assert [ticket.number for ticket in tickets] == [0, 0, 1, 2]
    with pytest.raises(HallFullError, match="all 2 places are taken, and 2 visitors wait already"):
        places.join()
    tickets[0].give_back()
    tickets[0].give_back()  # twice frees nothing of anybody else's
    assert moves == [(2, 0), (3, 1)] and (places.free, places.waiting) == (0, 1)
    tickets[3].give_back()  # goes away from the line
    tickets[1].give_back()
    assert (places.free, places.waiting) == (1, 0) and moves == [(2, 0), (3, 1)]


def test_a_conversation_that_goes_on_is_first_in_the_line() -> None:
    places = Places(1, waiting=2)
    inside, waiting = places.join(), places.join()
    again = places.join(first=True)
    assert (again.number, waiting.number) == (1, 2)
    inside.give_back()
    assert (again.number, waiting.number) == (0, 1)


def test_who_waits_is_told_the_place_and_let_in() -> None:
    async def evening() -> None:
        async with opened(REPLIES, "web.sessions=1", "web.waiting=2") as (hall, _):
            first = await connected(hall)
            second, third = await hall.enter(Wishes()), await hall.enter(Wishes())
            pages = Follower(second), Follower(third)
            with pytest.raises(HallFullError) as full:
                await hall.enter(Wishes())
            assert full.value.retry_after_s > 0
            assert (second.life, second.place, third.place) == (Life.WAITING, 1, 2)
            with pytest.raises(VisavisError, match="not begun"):
                await second.connect("offer")
            await asyncio.sleep(2.0 * ABSENT_S)  # whoever follows may wait for as long as it takes
            first.leave()
            await asyncio.sleep(0.1)
            assert second.life is Life.READY and (second.place, third.place) == (0, 1)
            await second.connect("offer")
            third.leave()
            assert await pages[1].to_the_end() == [
                ("place", {"place": 2}),
                ("place", {"place": 1}),
                ("ended", {"why": "left", "message": "you have left"}),
            ]
            assert pages[0].told[:3] == [("place", {"place": 1}), ("ready", {}), ("state", {"state": "idle"})]
            assert hall.figures.turned_away == 1 and hall.figures.begun == 3
            await pages[0].go()

    run(evening())


def test_who_goes_away_from_the_line_gives_up_the_place() -> None:
    async def evening() -> None:
        async with opened(REPLIES, "web.sessions=1") as (hall, _):
            await connected(hall)
            gone, polls, follows = [await hall.enter(Wishes()) for _ in range(3)]
            page, left = Follower(follows), Follower(gone)
            await asyncio.sleep(ABSENT_S - 1.0)
            polls.touch()  # a page that only asks now and then
            await left.go()
            await asyncio.sleep(ABSENT_S - 1.0)
            assert [visit.place for visit in (gone, polls, follows)] == [1, 2, 3]
            await asyncio.sleep(2.0)
            assert gone.why is Why.GONE and polls.why is Why.GONE and follows.place == 1
            assert hall.figures.ended == {"gone": 2}
            await page.go()

    run(evening())


def test_who_is_let_in_and_does_not_connect_loses_the_place() -> None:
    async def evening() -> None:
        async with opened(REPLIES, "web.sessions=1") as (hall, _):
            visit = await hall.enter(Wishes())
            page = Follower(visit)
            await asyncio.sleep(CONNECT_S - 1.0)
            with pytest.raises(InputError, match="garbage"):
                await visit.connect(GARBAGE)
            assert visit.life is Life.READY
            next_one = await hall.enter(Wishes())
            await asyncio.sleep(2.0)
            assert (await page.to_the_end())[-1][1]["why"] == "never_connected"
            assert next_one.life is Life.READY and hall.find(visit.id) is None

    run(evening())


def test_only_where_somebody_waits_the_longest_idle_makes_room() -> None:
    async def evening() -> None:
        async with opened(REPLIES, "web.sessions=2", "web.idle_leave_s=8") as (hall, _):
            quiet, lively = await connected(hall), await connected(hall)
            page = Follower(quiet)
            await asyncio.sleep(16.0)
            assert quiet.life is lively.life is Life.CONNECTED, "nobody needs the place"
            ask(lively, "hello")
            await asyncio.sleep(4.0)
            waits = await hall.enter(Wishes())
            await asyncio.sleep(0.1)
            assert (await page.to_the_end())[-1][1]["why"] == "idle"
            assert waits.life is Life.READY and lively.life is Life.CONNECTED
            await waits.connect("offer")
            waits_too = await hall.enter(Wishes())
            more = Follower(waits_too)
            await asyncio.sleep(3.0)
            assert waits_too.place == 1, "who was asked five seconds ago is not idle"
            lively.touch()
            await asyncio.sleep(6.0)
            assert waits.why is Why.IDLE and waits_too.life is Life.READY and lively.why is None
            await more.go()

    run(evening())


# ---- lost and resumed


def test_a_broken_connection_cuts_the_answer_where_it_was_heard_and_comes_back_to_the_conversation(
    peers: list[FakePeer],
) -> None:
    async def evening() -> None:
        async with opened(REPLIES, "web.resume_s=30") as (hall, engine):
            visit = await connected(hall)
            page = Follower(visit)
            ask(visit, "hello")
            await asyncio.sleep(2.1)  # "One two three." takes 0.6 s
            peers[0].vanish(ago_s=0.5)
            assert visit.life.value == "lost"
            await asyncio.sleep(29.0)
            (turn,) = visit.turns
            # The first word begins 0.4 s after the connection, and is heard 80 ms later: of 1.6 s, 1.1 s of words.
            assert turn.interrupted and turn.heard == "One two three. Four five"
            assert visit.state != "speaking"
            await visit.connect("another offer")
            assert visit.life is Life.CONNECTED and len(peers) == 2 and FakePeer.open == [peers[1]]
            ask(visit, "and then")
            await asyncio.sleep(3.0)
            assert engine.mind.histories[-1] == (
                Message("user", "hello"),
                Message("assistant", turn.heard, interrupted=True),
            )
            assert visit.turns[-1].heard == "Ten eleven."
            assert np.abs(np.concatenate(peers[1].heard)).max() > 0.1
            assert page.of("sentence")[-1]["text"] == "Ten eleven."
            assert hall.figures.resumed == 1
            await page.go()

    run(evening())


def test_who_does_not_come_back_in_time_has_left() -> None:
    async def evening() -> None:
        async with opened(REPLIES, "web.resume_s=5") as (hall, engine):
            visit = await connected(hall)
            page = Follower(visit)
            await visit.disconnect()
            assert visit.life is Life.LOST and not FakePeer.open
            await asyncio.sleep(4.9)
            assert visit.why is None
            assert (await page.to_the_end())[-1][1]["why"] == "lost"
            assert not engine.sessions and hall.places == 4

    run(evening())


def test_a_second_connection_replaces_the_first_and_garbage_does_not(peers: list[FakePeer]) -> None:
    async def evening() -> None:
        async with opened(REPLIES) as (hall, _):
            visit = await connected(hall)
            with pytest.raises(InputError, match="garbage"):
                await visit.connect(GARBAGE)
            assert FakePeer.open == peers and visit.life is Life.CONNECTED
            await visit.connect("offer of the same page, loaded again")
            assert FakePeer.open == [peers[1]] and visit.life is Life.CONNECTED
            peers[0].vanish()  # what is told of the old one comes late
            assert visit.life is Life.CONNECTED

    run(evening())


# ---- failures


def test_a_portrait_that_can_not_be_used_is_the_visitors_error_alone() -> None:
    async def evening() -> None:
        async with opened(REPLIES, "web.sessions=2") as (hall, engine):
            other = await connected(hall)
            engine.fails = ExceptionGroup("loading", [InputError("portrait: expected a face, found none")])
            with pytest.raises(InputError, match="expected a face"):
                await hall.enter(Wishes())
            assert other.life is Life.CONNECTED and hall.places == 1 and hall.figures.ended == {"failed": 1}

    run(evening())


def test_a_visit_that_fails_ends_alone_and_tells_why() -> None:
    class Breaking(StillSampler):
        error: Exception = InputError("the worker died")

        def frames(self, ready: int = 0) -> Motion:
            if self.frame > 50:
                raise self.error
            return super().frames(ready)

    async def evening() -> None:
        async with opened(REPLIES, "web.sessions=2") as (hall, engine):
            other = await connected(hall)
            for error, told in ((Breaking.error, "the worker died"), (KeyError("words"), "something went wrong here")):
                Breaking.error = error
                engine.new_sampler = Breaking
                visit = await connected(hall)
                page = Follower(visit)
                assert (kind := await page.to_the_end())[-1][0] == "ended"
                assert kind[-1][1]["why"] == "failed" and told in kind[-1][1]["message"]
                assert "words" not in kind[-1][1]["message"]
            ask(other, "what is it")
            await asyncio.sleep(3.0)
            assert other.turns[-1].heard == "A face." and hall.figures.ended == {"failed": 2}

    run(evening())


def test_whenever_they_go_they_leave_nothing_and_nothing_fails(peers: list[FakePeer]) -> None:
    random = Random(1)

    async def evening() -> None:
        async with opened(REPLIES, "web.resume_s=0.05") as (hall, engine):
            for _ in range(60):
                visit = await connected(hall)
                page = Follower(visit)
                for _ in range(random.randrange(3)):
                    ask(visit, random.choice(list(REPLIES)))
                await asyncio.sleep(random.uniform(0.0, 3.0))
                for _ in range(random.randrange(3)):
                    ask(visit, random.choice(list(REPLIES)))
                match random.randrange(3):
                    case 0:
                        visit.leave()
                    case 1:
                        peers[-1].vanish()
                    case 2:
                        await visit.disconnect()
                        ask(visit, "hello")
                await page.to_the_end()
                assert not engine.sessions and not FakePeer.open
            assert set(hall.figures.ended) == {"left", "lost"}

    run(evening())


def test_who_leaves_while_the_portrait_is_loaded_leaves_nothing_behind() -> None:
    async def evening() -> None:
        async with opened(REPLIES, "web.sessions=1") as (hall, engine):
            engine.opening_s = 60.0
            entering = asyncio.create_task(hall.enter(Wishes()))
            await asyncio.sleep(20.0)
            (visit,) = hall._visits.values()
            visit.leave()
            with pytest.raises(VisavisError):
                await entering
            assert hall.places == 1

    run(evening())


# ---- what the page is told


def test_captions_come_when_they_are_heard_and_what_was_cut_never(peers: list[FakePeer]) -> None:
    async def evening() -> None:
        async with opened(REPLIES) as (hall, _):
            visit = await connected(hall)
            page, loop = Follower(visit), asyncio.get_running_loop()
            ask(visit, "hello")
            times: dict[int, float] = {}
            while len(times) < 2:
                await asyncio.sleep(0.01)
                for told in page.of("sentence"):
                    times.setdefault(told["index"], loop.time())
            sound = np.concatenate(peers[0].heard)
            onset_s = np.flatnonzero(np.abs(sound) > 0.1)[0] / OUTPUT_RATE_HZ
            assert times[1] - times[0] == pytest.approx(0.6, abs=0.06), "three words of 0.2 s"
            assert times[0] - 0.05 == pytest.approx(onset_s + PLAYOUT_S - PICTURE_S, abs=0.06)
            visit.stop()
            await asyncio.sleep(5.0)
            assert [told["text"] for told in page.of("sentence")] == ["One two three.", "Four five six."]
            (turn,) = page.of("turn")
            assert turn["interrupted"] and turn["heard"].startswith("One two three.") and "Seven" not in turn["heard"]
            await page.go()

    run(evening())


def test_a_page_that_is_loaded_again_finds_turns_and_goes_on_where_it_was() -> None:
    async def evening() -> None:
        async with opened(REPLIES) as (hall, _):
            visit = await connected(hall)
            page = Follower(visit)
            ask(visit, "what is it")
            await asyncio.sleep(3.0)
            await page.go()
            ask(visit, "and then")
            await asyncio.sleep(3.0)
            assert [turn.heard for turn in visit.turns] == ["A face.", "Ten eleven."] and visit.state == "idle"
            again = Follower(visit, page.events[-1].id)
            await asyncio.sleep(0)
            ids = [event.id for event in (*page.events, *again.events)]
            assert ids == list(range(1, len(ids) + 1)) and again.of("turn")[0]["heard"] == "Ten eleven."
            await again.go()

    run(evening())


def test_an_event_log_is_bounded_whoever_reads_it() -> None:
    async def evening() -> None:
        counts: list[int] = []
        log = EventLog(on_followers=counts.append)
        readers = [log.since(0) for _ in range(MOST_FOLLOWERS + 1)]
        log.add("state", number=0)
        for reader in readers:
            assert (await anext(reader)).id == 1
        for number in range(1000):  # nobody reads on meanwhile
            log.add("state", number=number)
        assert counts[-1] == MOST_FOLLOWERS
        with pytest.raises(StopAsyncIteration):
            await anext(readers[0])  # the first to come made room
        assert (await anext(readers[1])).id == 1002 - KEPT
        for word in ("interim", "interim words"):
            log.add("transcript", passing=True, text=word)
        log.add("transcript", text="interim words, final")
        async with aclosing(log.since(1001)) as news:
            assert (await anext(news)).data == {"text": "interim words, final"}, "the interim one that was last went"
        log.forget()
        log.add("reset")
        log.close()
        assert [event.kind async for event in log.since(10**9)] == ["reset"], "an id of another server's"
        for reader in readers:
            await reader.aclose()
        assert counts[-1] == 0

    run(evening())


# ---- strictly apart


def test_nothing_of_one_visitor_reaches_another(peers: list[FakePeer]) -> None:
    replies = {"red": "Red rose.", "blue": "Blue sky.", "and now": "More."}

    async def evening() -> None:
        async with opened(replies, "web.sessions=2", ears=["red", "blue"]) as (hall, engine):
            red, blue = await connected(hall), await connected(hall)
            pages = Follower(red), Follower(blue)
            words = [spoken((begins_s, begins_s + 0.8), until_s=4.0) for begins_s in (0.2, 0.5)]
            await asyncio.gather(*(peer.hear(sound) for peer, sound in zip(peers, words, strict=True)))
            assert red.session is not None and blue.session is not None
            assert [[turn.question for turn in visit.turns] for visit in (red, blue)] == [["red"], ["blue"]]
            ask(red, "and now")
            ask(blue, "and now")
            await asyncio.sleep(3.0)
            histories = engine.mind.histories[-2:]
            assert sorted(history[0].text for history in histories) == ["blue", "red"]
            assert all(len(history) == 2 for history in histories)
            told = [repr(page.told).lower() for page in pages]
            assert "red" in told[0] and "blue" not in told[0] and "blue" in told[1] and "red rose" not in told[1]
            assert len(set(engine.seeds)) == 2, "no two faces move alike"
            for page in pages:
                await page.go()

    run(evening())


# ---- kiosk


def test_a_kiosk_forgets_soon_who_said_goodbye_but_not_who_comes_back(peers: list[FakePeer]) -> None:
    async def evening() -> None:
        async with opened(REPLIES, "web.kiosk=true", "web.idle_reset_s=60", "web.sessions=1") as (hall, engine):
            visit = await connected(hall)
            ask(visit, "hello")
            await asyncio.sleep(5.0)
            engine.tells[-1](SaidGoodbye())
            await asyncio.sleep(2.0)
            visit.touch()
            await asyncio.sleep(10.0)
            assert visit.turns and len(engine.seeds) == 1
            engine.tells[-1](SaidGoodbye())
            await asyncio.sleep(4.0)
            assert not visit.turns and len(engine.seeds) == 2 and hall.figures.resets == 1

    run(evening())


def test_a_kiosk_that_waits_for_its_call_forgets_while_people_talk_to_each_other(peers: list[FakePeer]) -> None:
    async def evening() -> None:
        async with opened(REPLIES, "web.kiosk=true", "web.idle_reset_s=20", "web.sessions=1") as (hall, engine):
            visit = await connected(hall)
            ask(visit, "hello")
            await asyncio.sleep(5.0)
            engine.tells[-1](AttentionChanged(False, "hey Mira"))
            for _ in range(6):
                engine.tells[-1](Transcript("did you lock the car", True, 0.0, 1.0))
                engine.tells[-1](TurnFinished(TurnRecord(Turn(1, 0), "did you lock the car", is_unanswered=True)))
                await asyncio.sleep(4.0)
            assert len(engine.seeds) == 2 and hall.figures.resets == 1

    run(evening())


def test_a_kiosk_forgets_when_nothing_happens_without_dropping_the_connection(peers: list[FakePeer]) -> None:
    kept: list[Snapshot | None] = []

    async def evening() -> None:
        options = ("web.kiosk=true", "web.idle_reset_s=10", "web.sessions=1")
        async with opened(REPLIES, *options, keep=lambda _, snapshot: kept.append(snapshot)) as (hall, engine):
            visit = await connected(hall)
            await asyncio.sleep(25.0)
            page = Follower(visit)
            assert len(engine.seeds) == 1, "there was nothing to forget"
            ask(visit, "hello")
            await asyncio.sleep(9.0)
            visit.touch()
            await asyncio.sleep(9.0)
            assert visit.turns and visit.session is not None and len(visit.session.history.messages()) == 2
            await asyncio.sleep(2.0)
            assert not visit.turns and visit.session is not None and not visit.session.history.messages()
            late = Follower(visit)
            await asyncio.sleep(0.01)
            assert [kind for kind, _ in late.told] == ["reset", "state"], "nothing of it is kept for anybody"
            assert page.told[-2:] == [("reset", {}), ("state", {"state": "idle"})]
            assert len(engine.seeds) == len(set(engine.seeds)) == 2 and len(engine.sessions) == 1
            assert kept[-1] is not None and not kept[-1].turns and hall.figures.resets == 1
            assert FakePeer.open == peers and visit.life is Life.CONNECTED
            before = len(peers[0].heard)
            ask(visit, "and then")
            await asyncio.sleep(2.0)
            assert engine.mind.histories[-1] == (), "somebody else asks"
            assert np.abs(np.concatenate(peers[0].heard[before:])).max() > 0.1, "and is answered aloud"
            assert visit.frames > 25 * 40
            for follower in (page, late):
                await follower.go()

    run(evening())


# ---- another server


def test_a_conversation_goes_on_at_another_server_with_its_history() -> None:
    kept: dict[str, Snapshot] = {}

    def keep(visit_id: str, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            kept.pop(visit_id, None)
        else:  # as it travels
            kept[visit_id] = Snapshot.model_validate_json(snapshot.model_dump_json())

    async def evening() -> None:
        async with opened(REPLIES, keep=keep) as (hall, _):
            visit = await connected(hall)
            left = await connected(hall)
            for one in (visit, left):
                ask(one, "what is it")
            await asyncio.sleep(3.0)
            left.leave()
            await asyncio.sleep(0.1)
            last_id = visit.events.next_id - 1
        assert list(kept) == [visit.id], "who left has nothing to go on with; who was thrown out has"
        async with opened(REPLIES, "web.sessions=1", keep=keep) as (hall, engine):
            inside = await connected(hall)
            waits = await hall.enter(Wishes())
            again = await hall.take_over(kept[visit.id])
            assert await hall.take_over(kept[visit.id]) is again is hall.find(visit.id)
            assert (again.place, waits.place) == (1, 2)
            inside.leave()
            await asyncio.sleep(0.1)
            await again.connect("offer")
            assert [turn.heard for turn in again.turns] == ["A face."]
            page = Follower(again, last_id)
            ask(again, "and then")
            await asyncio.sleep(3.0)
            assert engine.mind.histories[-1] == (Message("user", "what is it"), Message("assistant", "A face."))
            assert all(a.id < b.id for a, b in pairwise(page.events)) and page.of("turn")[-1]["heard"] == "Ten eleven."
            await page.go()

    run(evening())


# ---- the end of the server


def test_a_server_that_stops_finishes_the_sentence_and_lets_nobody_in() -> None:
    async def evening() -> None:
        async with opened(REPLIES, "web.sessions=1") as (hall, _):
            visit = await connected(hall)
            waits = await hall.enter(Wishes())
            pages = Follower(visit), Follower(waits)
            ask(visit, "hello")
            await asyncio.sleep(1.3)
            await hall.farewell("the server restarts", 5.0)
            with pytest.raises(HallClosing, match="restarts"):
                await hall.enter(Wishes())
            for page in pages:
                told = await page.to_the_end()
                assert told[-1] == ("ended", {"why": "closed", "message": "the server restarts"})
            (turn,) = pages[0].of("turn")
            assert turn["heard"] in ("One two three.", "One two three. Four five six.")

    run(evening())


def test_figures_count_every_end_and_turn() -> None:
    async def evening() -> None:
        async with opened(REPLIES) as (hall, _):
            visit = await connected(hall)
            ask(visit, "what is it")
            await asyncio.sleep(3.0)
            assert hall.lives() == {Life.CONNECTED: 1}
            frames = hall.figures.frames
            assert frames == visit.frames > 50
            visit.leave()
            await asyncio.sleep(0.1)
            figures = hall.figures
            assert figures.turns == {"answered": 1} and figures.ended == {"left": 1} and figures.frames >= frames
            heard = figures.latency["first_audio"]
            assert sum(heard.counts) == 1 and 0.0 < heard.sum_s < 1.0

    run(evening())
