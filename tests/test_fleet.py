"""What is decided about replicas: which one a request goes to, how many there are, what is kept of conversations."""

from __future__ import annotations

import asyncio
import pickle
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from agent.fleet.keeper import KEPT_S, MOST_BYTES, MOST_KEPT, Conversations

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # Ray warns of itself


@dataclass
class _Id:
    unique_id: str


@dataclass
class _Replica:
    """What the router sees of one."""

    name: str
    routing_stats: dict[str, Any] = field(default_factory=dict)

    @property
    def replica_id(self) -> _Id:
        return _Id(self.name)


class _Routed:
    """A router without a cluster."""

    def __init__(self, *replicas: _Replica) -> None:
        from agent.fleet.router import VisitRouter

        self._router = VisitRouter.__new__(VisitRouter)
        self._router._begun = {}
        self.conversations = conversations = Conversations()

        async def holder(session_id: str, living: list[str], wanted: str) -> str:
            return conversations.holder(session_id, living, wanted)

        self._router._keeper = SimpleNamespace(holder=SimpleNamespace(remote=holder))
        self.replicas = list(replicas)

    def __call__(self, method: str, path: str) -> list[str]:
        """The replicas that are tried, in order."""
        from ray.serve._private.common import StreamingHTTPRequest

        scope = {"method": method, "path": path}
        request = pickle.dumps(StreamingHTTPRequest(scope, proxy_actor_name="proxy"))
        context = type("Context", (), {"should_backoff": False})()
        pending: Any = type("Pending", (), {"args": [request], "routing_context": context})
        ranks = asyncio.run(self._router.choose_replicas(list(self.replicas), pending))  # type: ignore[arg-type]
        return ["+".join(replica.name for replica in rank) for rank in ranks]  # type: ignore[attr-defined]


def test_what_belongs_to_a_session_goes_to_its_replica() -> None:
    routed = _Routed(_Replica("a", {"free": 9}), _Replica("b", {"free": 0}))
    assert routed("POST", "/api/sessions/b~secret/whep") == ["b"]
    assert routed("GET", "/api/sessions/a~secret") == ["a"]


def test_a_session_whose_replica_is_gone_goes_on_at_the_one_that_the_keeper_names() -> None:
    routed = _Routed(_Replica("a", {"free": 0}), _Replica("b", {"free": 9}), _Replica("c", {"free": 1}))
    routed.conversations.keep("gone~secret", "gone", b"1")
    assert routed("GET", "/api/sessions/gone~secret") == ["b"]
    routed.replicas[2].routing_stats = {"free": 20}
    assert routed("POST", "/api/sessions/gone~secret/whep") == ["b"]


def test_sessions_begin_where_there_is_most_room() -> None:
    one, other = _Replica("a", {"free": 1}), _Replica("b", {"free": 3})
    routed = _Routed(one, other)
    began = [routed("POST", "/api/sessions")[0] for _ in range(4)]
    assert began == ["b", "b", "a", "b"]
    other.routing_stats = {"free": 2}  # told anew: what was counted here is in it
    assert routed("POST", "/api/sessions")[0] == "b"


def test_the_page_itself_comes_from_any() -> None:
    assert _Routed(_Replica("a"), _Replica("b"))("GET", "/") == ["a", "b"]


@dataclass
class _Context:
    """What Ray tells the policy."""

    aggregated_metrics: dict[str, dict[str, float]]
    target_num_replicas: int = 2
    capacity_adjusted_min_replicas: int = 1
    capacity_adjusted_max_replicas: int = 5
    current_time: float = 1000.0
    policy_state: dict[str, Any] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("taken", "wanted"),
    [((0, 0), 2), ((3, 2), 2), ((4, 3), 3), ((4, 4), 3), ((4, 4, 4, 4, 4, 4), 5)],
)
def test_there_is_always_room_for_another(taken: tuple[int, ...], wanted: int) -> None:
    from agent.fleet.scaling import by_free_places

    names = [str(n) for n in range(len(taken))]
    told = {"taken": dict(zip(names, map(float, taken), strict=True)), "places": dict.fromkeys(names, 4.0)}
    assert by_free_places(_Context(told))[0] == wanted  # type: ignore[arg-type]


def test_replicas_are_stopped_only_after_a_long_calm() -> None:
    from agent.fleet.scaling import CALM_S, by_free_places

    context = _Context({"taken": {"a": 1.0, "b": 0.0}, "places": {"a": 4.0, "b": 4.0}})
    number, context.policy_state = by_free_places(context)  # type: ignore[arg-type]
    assert number == 2
    context.current_time += CALM_S - 1
    number, context.policy_state = by_free_places(context)  # type: ignore[arg-type]
    assert number == 2
    context.current_time += 2
    assert by_free_places(context)[0] == 1  # type: ignore[arg-type]


def test_a_new_fleet_keeps_what_it_has_until_it_is_told() -> None:
    from agent.fleet.scaling import by_free_places

    assert by_free_places(_Context({}))[0] == 2  # type: ignore[arg-type]


def test_the_newest_of_a_conversation_is_kept_until_it_is_over() -> None:
    conversations = Conversations()
    conversations.keep("a", "", b"1")
    conversations.keep("a", "", b"2")
    assert conversations.find("a") == b"2"
    conversations.forget("a")
    assert conversations.find("a") is None


def test_everybody_is_told_the_same_replica_goes_on() -> None:
    conversations = Conversations()
    conversations.keep("a", "", b"1")
    assert conversations.holder("a", ["x", "y"], "x") == "x"
    assert conversations.holder("a", ["y", "x"], "y") == "x"
    assert conversations.holder("a", ["y", "z"], "z") == "z"  # x has died as well
    conversations.keep("a", "y", b"2")  # who has it knows best
    assert conversations.holder("a", ["y", "z"], "z") == "y"
    assert conversations.find("a") == b"2"


def test_who_makes_up_ids_pushes_no_conversation_out() -> None:
    conversations = Conversations()
    conversations.keep("x~real", "x", b"1")
    holders = {conversations.holder(f"gone~{number}", ["z", "y"], "z") for number in range(MOST_KEPT + 1)}
    assert holders == {"y"}, "everybody is told the same of these, too"
    assert conversations.find("x~real") == b"1"


def test_conversations_are_forgotten_in_time() -> None:
    now = [0.0]
    conversations = Conversations(lambda: now[0])
    conversations.keep("old", "", b"1")
    now[0] = 10.0
    conversations.keep("new", "", b"2")
    now[0] = KEPT_S + 5.0
    assert conversations.find("old") is None
    assert conversations.find("new") == b"2"


def test_too_long_a_conversation_is_not_kept_half() -> None:
    conversations = Conversations()
    conversations.keep("a", "", b"short")
    conversations.keep("a", "", bytes(MOST_BYTES + 1))
    assert conversations.find("a") is None


def test_who_has_no_token_moves_nobodys_conversation() -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("aiortc")
    import httpx

    from agent.fleet.arrivals import arrive_in
    from agent.web.app import make_app
    from agent.web.safety.access import Access
    from tests.fake_hall import FakeHall

    token, looked_for = "a-token-of-the-fleet", []

    async def find(session_id: str) -> None:
        looked_for.append(session_id)

    async def main() -> list[int]:
        hall: Any = FakeHall()
        app = make_app(hall, Access(token=token))
        arrive_in(app, hall, SimpleNamespace(find=SimpleNamespace(remote=find)), "here")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            headers = [{}, {"Authorization": f"Bearer {token}"}]
            asked = [await client.get("/api/sessions/gone~secret", headers=one) for one in headers]
            assert all("Content-Security-Policy" in answer.headers for answer in asked)
            moving = await client.post("/api/sessions/gone~secret/ask", headers=headers[1], json={"text": "hello"})
        return [answer.status_code for answer in (*asked, moving)]

    assert asyncio.run(main()) == [401, 404, 503]
    assert looked_for == ["gone~secret"]
