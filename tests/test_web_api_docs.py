"""docs/api.md names every route, wish, control and event that there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from agent.web.app import make_app
from agent.web.rtc.controls import ControlsChange
from agent.web.safety.access import Access
from agent.web.visits.wishes import Wishes
from tests.fake_hall import FakeHall

ROOT = Path(__file__).parent.parent
DOCS = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_route_is_explained() -> None:
    described = make_app(FakeHall(), Access()).openapi()["paths"]  # type: ignore[arg-type]
    there_are = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    assert set(re.findall(r"`((?:GET|POST|DELETE|PUT|PATCH) /api[^`]*)`", DOCS)) == there_are


def test_every_wish_and_control_is_explained() -> None:
    (wishes,) = re.findall(r"\*\*Wishes\*\*: (.*?)\n\n", DOCS, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", wishes)) == set(Wishes.model_fields)
    (controls,) = re.findall(r"```json\n(.*?)\n```", DOCS, re.DOTALL)
    assert set(ControlsChange.model_validate_json(controls).model_fields_set) == set(ControlsChange.model_fields)


def test_every_event_is_explained() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "agent" / "web" / "visits").glob("*.py")]
    told = {kind for source in sources for kind in re.findall(r"\b(?:events|_log)\.add\(\s*\"(\w+)\"", source)}
    table = DOCS.partition("| event | data |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == told
    follow = make_app(FakeHall(), Access()).openapi()["paths"]["/api/sessions/{session_id}/events"]["get"]  # type: ignore[arg-type]
    assert told <= set(re.findall(r"\w+", follow["description"]))


def test_the_token_is_described_where_one_is_needed() -> None:
    described = make_app(FakeHall(), Access("a-token-of-32-letters-and-digits")).openapi()  # type: ignore[arg-type]
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert "securitySchemes" not in make_app(FakeHall(), Access()).openapi()["components"]  # type: ignore[arg-type]
