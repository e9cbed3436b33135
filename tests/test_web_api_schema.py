"""Schemathesis asks everything that the API's own description allows, and much that it forbids."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from agent.web.app import make_app
from agent.web.safety import guard
from agent.web.safety.access import Access
from agent.web.visits.wishes import Wishes
from tests.fake_hall import FakeHall

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    negative_data_rejection,
    unsupported_method,
]


class OneVisit(FakeHall):
    """Whoever asks for a session by any odd id gets the only one, so that more than "no such session" is tried."""

    def find(self, visit_id: str) -> Any:
        if zlib.crc32(visit_id.encode("utf-8", "replace")) % 4 == 0:
            return None
        visit = self.visits.setdefault("one", self._new())
        visit.events.close()
        return visit

    async def enter(self, wishes: Wishes) -> Any:
        config = await self.choices.config_for(wishes)
        visit = self._new()
        visit.config = config
        return visit

    def _new(self) -> Any:
        from tests.fake_hall import FakeVisit

        return FakeVisit(self.config, 0)


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_too_often() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "rates_of", lambda *_: ())
        yield


@schemathesis.serializer("application/sdp")
def _sdp(_: Any, value: Any) -> bytes:
    return str(value).encode("utf-8", "replace")


schema = schemathesis.openapi.from_asgi(
    "/api/openapi.json",
    make_app(OneVisit(), Access()),
    headers={"Host": "localhost"},  # type: ignore[arg-type]
)


@schema.parametrize()
@settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case: Case) -> None:
    case.headers["Host"] = "localhost"
    case.call_and_validate(checks=CHECKS)
