"""The HTTP interface before a hall without an engine: what it takes, what it answers, what it hands on."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.backends import languages
from agent.backends.choice import Choice
from agent.config.config import Config
from agent.config.face_sections import ControlsSection
from agent.web.app import make_app
from agent.web.safety.access import Access
from agent.web.visits import choices
from avatar.motion import Emotion
from speech.errors import InputError
from tests.fake_hall import ANSWER, FakeHall

HERE = "http://localhost:8080"


@asynccontextmanager
async def calling(hall: FakeHall) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(hall, Access()))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
        yield client
    hall.choices.close()


def test_a_conversation_from_begin_to_leave() -> None:
    async def main() -> None:
        hall = FakeHall()
        async with calling(hall) as client:
            begun = await client.post("/api/sessions", json={"portrait": "ada", "composure": 0.9})
            assert begun.status_code == 201
            at, visit = f"/api/sessions/{begun.json()['id']}", hall.visits[begun.json()["id"]]
            assert begun.json() == {"id": visit.id, "state": "ready", "place": 0}
            assert (visit.config.portrait.path, visit.config.face.composure) == ("ada", 0.9)

            assert (await client.post(f"{at}/ask", json={"text": "Who are you?"})).status_code == 202
            assert (await client.post(f"{at}/say", json={"text": "Dinner is ready."})).status_code == 202
            assert (await client.post(f"{at}/stop")).status_code == 202
            assert (visit.session.asked, visit.session.said, visit.stops) == (["Who are you?"], ["Dinner is ready."], 1)

            assert visit.touches == 3

            visit.turns.append({"question": "Who are you?", "heard": "I'm Ada.", "interrupted": False})
            read = (await client.get(at)).json()
            assert read == {**begun.json(), "turns": list(visit.turns), "lesson": None, "attention": None}

            assert (await client.delete(at)).status_code == 204
            gone = await client.get(at)
            assert (gone.status_code, gone.json()["detail"]) == (404, "no such session: it has ended, or never was")

    asyncio.run(main())


def test_who_waits_is_told_the_place_and_who_is_too_many_when_to_come_back() -> None:
    async def main() -> None:
        async with calling(FakeHall()) as client:
            answers = [(await client.post("/api/sessions", json={})) for _ in range(4)]
            assert [answer.status_code for answer in answers] == [201, 201, 201, 503]
            assert [answer.json().get("place") for answer in answers[:3]] == [0, 0, 1]
            assert answers[2].json()["state"] == "waiting"
            assert int(answers[3].headers["Retry-After"]) > 0
            early = await client.post(f"/api/sessions/{answers[2].json()['id']}/ask", json={"text": "Hello?"})
            assert early.status_code == 409
            assert (await client.get("/api/ready")).json() == {"status": "ready", "places": 0, "waiting": 1}

    asyncio.run(main())


def test_a_server_that_is_about_to_end_is_alive_but_not_ready() -> None:
    async def main() -> None:
        hall = FakeHall()
        hall.is_closing = True
        async with calling(hall) as client:
            assert (await client.get("/api/health")).json() == {"status": "alive"}
            ready = await client.get("/api/ready")
            assert ready.status_code == 503 and int(ready.headers["Retry-After"]) > 0

    asyncio.run(main())


def test_too_many_texts_are_refused() -> None:
    async def main() -> None:
        async with calling(FakeHall()) as client:
            at = f"/api/sessions/{(await client.post('/api/sessions', json={})).json()['id']}"
            answers = [await client.post(f"{at}/ask", json={"text": "Again?"}) for _ in range(4)]
            assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
            assert int(answers[-1].headers["Retry-After"]) > 0

    asyncio.run(main())


def test_an_offer_is_answered_and_hung_up() -> None:
    async def main() -> None:
        hall = FakeHall()
        async with calling(hall) as client:
            at = f"/api/sessions/{(await client.post('/api/sessions', json={})).json()['id']}/whep"
            (visit,) = hall.visits.values()
            sdp = {"Content-Type": "application/sdp"}
            answered = await client.post(at, content="v=0\r\noffer", headers=sdp)
            assert (answered.status_code, answered.text) == (201, ANSWER)
            assert (answered.headers["Content-Type"], answered.headers["Location"]) == ("application/sdp", at)
            assert visit.offers == ["v=0\r\noffer"] and visit.is_connected
            assert (await client.delete(at)).status_code == 204
            assert not visit.is_connected
            for garbage in (b"", b"hello", b"\xff\xfe\x00", b"{}", b"v=1", b"\0" * 1000):
                refused = await client.post(at, content=garbage, headers=sdp)
                assert refused.status_code == 422, garbage
            assert (await client.post(at, content=b"v" * 200_001, headers=sdp)).status_code == 413

    asyncio.run(main())


def test_events_are_followed_from_where_a_page_left_off() -> None:
    async def main() -> None:
        hall = FakeHall()
        async with calling(hall) as client:
            await client.post("/api/sessions", json={})
            (visit,) = hall.visits.values()
            visit.events.add("state", state="thinking")
            visit.events.add("sentence", index=0, text="Guten Tag – «ja»\nyes")
            visit.events.add("turn", question="?", heard="", interrupted=True)
            visit.events.close()
            at = f"/api/sessions/{visit.id}/events"
            whole = await client.get(at)
            assert whole.headers["Content-Type"].startswith("text/event-stream")
            assert [event["id"] for event in _events(whole.text)] == ["1", "2", "3"]
            (last,) = _events((await client.get(at, headers={"Last-Event-ID": "2"})).text)
            assert (last["event"], json.loads(last["data"])["interrupted"]) == ("turn", True)
            assert json.loads(_events(whole.text)[1]["data"])["text"] == "Guten Tag – «ja»\nyes"
            assert (await client.get(at, headers={"Last-Event-ID": "x"})).status_code == 422

    asyncio.run(main())


def _events(stream: str) -> list[dict[str, str]]:
    blocks = [block for block in stream.split("\n\n") if block and not block.startswith(":")]
    return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]


def test_controls_change_what_is_named_and_leave_the_rest() -> None:
    async def main() -> None:
        hall = FakeHall()
        async with calling(hall) as client:
            at = f"/api/sessions/{(await client.post('/api/sessions', json={})).json()['id']}/controls"
            (visit,) = hall.visits.values()

            async def send(**change: object) -> int:
                return (await client.post(at, json=change)).status_code

            assert await send(emotion="happy", intensity=0.4) == 202
            assert await send(yaw_deg=10, pitch_deg=-5) == 202
            assert await send(distance=1.5, composure=0.25) == 202
            controls = visit.session.controls
            assert (controls.emotion, controls.intensity) == (Emotion.HAPPY, 0.4)
            assert controls.gaze == pytest.approx((math.radians(10), math.radians(-5)))
            assert (controls.head_distance, controls.composure) == (1.5, 0.25)
            assert await send(emotion=None) == 202
            assert await send(yaw_deg=None, pitch_deg=None) == 202
            freed = visit.session.controls
            assert (freed.emotion, freed.gaze, freed.head_distance) == (None, None, 1.5)
            for wrong in (
                {},
                {"yaw_deg": 10},
                {"yaw_deg": 10, "pitch_deg": None},
                {"yaw_deg": 31, "pitch_deg": 0},
                {"intensity": 0.5},
                {"emotion": "hungry"},
                {"distance": 3},
                {"composure": "much"},
                {"wink": True},
            ):
                refused = await client.post(at, json=wrong)
                assert refused.status_code == 422 and "\n" not in refused.json()["detail"], wrong
            assert visit.session.controls == freed

    asyncio.run(main())


def test_wishes_are_checked_against_what_there_is() -> None:
    async def main() -> None:
        hall = FakeHall()
        async with calling(hall) as client:
            voices = (await client.get("/api/voices")).json()
            languages = (await client.get("/api/languages")).json()
            assert languages[0] == {"id": "en", "name": "English"}
            assert {voice["language"].split("-")[0] for voice in voices} <= {one["id"] for one in languages}
            assert len({voice["id"] for voice in voices}) == len(voices)
            spoken = await hall.enter(_wishes(voice=voices[-1]["id"], name="Zoe", emotion="sad"))
            assert spoken.config.voice.voice == voices[-1]["id"]
            assert (spoken.config.mind.name, spoken.config.controls.emotion) == ("Zoe", Emotion.SAD)
            assert spoken.config.ears == Config().ears
            for wrong, told in (
                ({"portrait": "/etc/passwd"}, "portrait: expected the id"),
                ({"portrait": "../../etc/passwd"}, "portrait: expected the id"),
                ({"portrait": "nobody"}, "portrait: expected the id"),
                ({"voice": "espeak:/tmp/x"}, "voice: expected the id"),
                ({"voice": "nobody"}, "voice: expected the id"),
                ({"language": "tlh"}, "language: expected one of en"),
                ({"lesson": "../lessons/english"}, "lesson: expected one of english"),
                ({"composure": 1.5}, "composure: "),
                ({"emotion": "hungry"}, "emotion: "),
                ({"name": "A\x1bB"}, "name: "),
                ({"name": "x" * 41}, "name: "),
                ({"path": "x"}, "path: "),
            ):
                refused = await client.post("/api/sessions", json=wrong)
                assert refused.status_code == 422, wrong
                assert refused.json()["detail"].startswith(told), refused.json()
            assert len(hall.visits) == 1

    asyncio.run(main())


def test_a_lesson_is_wished_with_its_learner() -> None:
    async def main() -> None:
        hall = FakeHall()
        async with calling(hall) as client:
            (lesson,) = [one for one in (await client.get("/api/lessons")).json() if one["id"] == "english"]
            assert lesson["title"] and lesson["goal"]
            visit = await hall.enter(_wishes(lesson="english", learner="Ana", remember=True))
            assert (visit.config.tutor.lesson, visit.config.tutor.learner) == ("english", "Ana")
            assert visit.config.tutor.remember == "yes"
            assert (await hall.enter(_wishes(remember=False))).config.tutor.remember == "no"

    asyncio.run(main())


def test_a_learner_is_forgotten_within_the_own_session_only() -> None:
    async def main() -> None:
        hall = FakeHall()
        async with calling(hall) as client:
            visit = await hall.enter(_wishes(lesson="english", learner="Ana", remember=True))
            assert (await client.delete(f"/api/sessions/{visit.id}/learner")).status_code == 204
            assert visit.forgotten == 1
            for nobodys in ("Ana", "x" * 22):
                assert (await client.delete(f"/api/sessions/{nobodys}/learner")).status_code == 404
            stubborn = await hall.enter(_wishes(lesson="english", learner="Unforgettable", remember=True))
            failed = await client.delete(f"/api/sessions/{stubborn.id}/learner")
            assert (failed.status_code, failed.json()["detail"][-22:]) == (503, "please try again later")
            waits = await hall.enter(_wishes(lesson="english"))
            assert (await client.delete(f"/api/sessions/{waits.id}/learner")).status_code == 409
        async with calling(hall := FakeHall()) as client:
            visit = await hall.enter(_wishes())
            without = await client.delete(f"/api/sessions/{visit.id}/learner")
            assert (without.status_code, without.json()["detail"]) == (404, "there is no lesson in this session")
            assert (await client.post(f"/api/sessions/{visit.id}/greet")).status_code == 202 and visit.greetings == 1

    asyncio.run(main())


def _wishes(**wishes: object) -> object:
    from agent.web.visits.wishes import Wishes

    return Wishes.model_validate(wishes)


def test_a_language_model_in_memory_is_not_loaded_again_for_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def here(source: str) -> FakeHall:
        model = Choice("mind", "some model", "", source)
        monkeypatch.setattr(languages, "chosen_mind", lambda _: model)
        return FakeHall()

    async def main() -> None:
        ours = here("packaged")
        assert (await ours.enter(_wishes(portrait="ada"))).config.mind.name == "Mira"
        for wish in ({"name": "Zoe"}, {"persona": "A pirate."}):
            with pytest.raises(InputError, match=f"^{next(iter(wish))}: expected none"):
                await ours.enter(_wishes(**wish))
        elsewhere = here("server")
        assert (await elsewhere.enter(_wishes(portrait="ada"))).config.mind.name == ""
        wished = (await elsewhere.enter(_wishes(name="Zoe", persona="A pirate."))).config.mind
        assert (wished.name, wished.persona) == ("Zoe", "A pirate.")

    asyncio.run(main())


def test_other_languages_are_offered_where_a_model_answers_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "chosen_mind", lambda _: Choice("mind", "some model", "", "server"))
    monkeypatch.setattr(choices, "is_heard", lambda _, language: language in ("de", "fr"))

    async def main() -> None:
        hall = FakeHall()
        async with calling(hall) as client:
            listed = (await client.get("/api/languages")).json()
            assert listed == [
                {"id": "en", "name": "English"},
                {"id": "de", "name": "Deutsch"},
                {"id": "fr", "name": "Français"},
            ]
            german = (await hall.enter(_wishes(language="de"))).config
            assert (german.ears.language, german.voice.language, german.voice.voice) == ("de", "de", "")
            voices = {
                voice["language"].partition("-")[0]: voice["id"] for voice in (await client.get("/api/voices")).json()
            }
            french = (await hall.enter(_wishes(voice=voices["fr"]))).config
            assert (french.ears.language, french.voice.voice) == ("fr", voices["fr"])
            with pytest.raises(InputError, match=r"^voice: expected one that speaks 'de', this one speaks 'fr'"):
                await hall.enter(_wishes(voice=voices["fr"], language="de"))

    asyncio.run(main())


def test_no_wish_changes_what_is_configured_for_all() -> None:
    config = Config(controls=ControlsSection(head_distance=1.2))

    async def main() -> None:
        hall = FakeHall(config)
        assert (await hall.enter(_wishes())).config == config
        wished = (await hall.enter(_wishes(emotion="happy"))).config
        assert wished.controls.head_distance == 1.2
        assert config.controls.emotion is Emotion.NEUTRAL

    asyncio.run(main())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b"null",
        b"\xff\xfe",
        b"[" * 30_000,
        b'{"name": "\\ud800"}',
        b'{"composure": NaN}',
        b'{"composure": 1e999}',
        b'{"name": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_is_no_wishes_gets_one_line(body: bytes) -> None:
    async def main() -> None:
        hall = FakeHall()
        async with calling(hall) as client:
            refused = await client.post("/api/sessions", content=body, headers={"Content-Type": "application/json"})
            assert refused.status_code in (400, 422), refused.text
            assert set(refused.json()) == {"detail"}
            assert refused.json()["detail"].isprintable()
            assert not hall.visits

    asyncio.run(main())


def test_prometheus_reads_the_figures() -> None:
    async def main() -> None:
        hall = FakeHall()
        figures = hall.figures
        figures.begun, figures.frames, figures.frames_late = 7, 1000, 3
        figures.ended["left"] += 2
        figures.turns["answered"] += 1
        for seconds in (0.25, 0.45, 99.0):
            figures.latency["first_audio"].add(seconds)
        async with calling(hall) as client:
            await client.get("/nothing")
            answer = await client.get("/api/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }
        assert samples["visavis_visits_begun_total",] == 7
        assert (samples["visavis_frames_total",], samples["visavis_frames_late_total",]) == (1000, 3)
        assert samples["visavis_visits_ended_total", "left"] == 2
        assert samples["visavis_turns_total", "answered"] == 1
        assert samples["visavis_http_responses_total", "404"] == 1
        buckets = {bound: samples["visavis_answer_seconds_bucket", bound, "first_audio"] for bound in ("0.3", "0.5")}
        assert buckets == {"0.3": 1, "0.5": 2}
        assert samples["visavis_answer_seconds_count", "first_audio"] == 3
        assert samples["visavis_answer_seconds_sum", "first_audio"] == pytest.approx(99.7)
        assert (samples["visavis_places_free",], samples["visavis_waiting",]) == (2, 0)

    asyncio.run(main())


def test_what_nobody_foresaw_is_answered_without_a_word_of_it(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeHall):
        def find(self, visit_id: str) -> None:
            raise RuntimeError("secret /home/somebody/file")

    async def main() -> None:
        async with calling(Broken()) as client:
            failed = await client.get("/api/sessions/very-secret-id")
            assert failed.status_code == 500
            assert "secret" not in failed.text and "/home" not in failed.text
            assert failed.headers["X-Content-Type-Options"] == "nosniff"

    asyncio.run(main())
    (record,) = [record for record in caplog.records if record.name.startswith("agent.web")]
    assert "very-secret-id" not in record.getMessage()
    assert "/api/sessions/{session_id}" in record.getMessage()


def test_what_is_not_there_says_so() -> None:
    async def main() -> None:
        async with calling(FakeHall()) as client:
            for method, path, status in (
                ("GET", "/nothing", 404),
                ("GET", "/api/nothing", 404),
                ("GET", "/../pyproject.toml", 404),
                ("GET", "/%2e%2e/%2e%2e/config.toml", 404),
                ("POST", "/", 405),
                ("PUT", "/api/sessions", 405),
                ("GET", "/docs", 404),
                ("DELETE", "/api/portraits/ada", 404),
                ("GET", "/api/portraits/nobody/image", 404),
            ):
                answer = await client.request(method, path)
                assert answer.status_code == status, (method, path, answer.text)
                assert set(answer.json()) == {"detail"}

    asyncio.run(main())


def test_an_answer_is_paused_and_goes_on() -> None:
    async def main() -> list[int]:
        hall = FakeHall()
        async with calling(hall) as client:
            at = f"/api/sessions/{(await client.post('/api/sessions', json={})).json()['id']}"
            asked = ["hold", "say", "hold", "hold", "resume", "resume"]
            told = {"say": {"text": "Hello."}}
            answers = [await client.post(f"{at}/{what}", json=told.get(what)) for what in asked]
            assert answers[0].json() == {"detail": "nothing is being said that could be paused"}
            return [answer.status_code for answer in answers]

    assert asyncio.run(main()) == [409, 202, 202, 202, 202, 409]
