"""What sessions share is made once, by content, and stopped after the last of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.shared import SharedThings, content_key
from speech.errors import InputError
from tests.virtual_time import run


class Voices:
    """Makes voices, each within a second."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.broken = False

    @asynccontextmanager
    async def open(self, name: str) -> AsyncGenerator[str, None]:
        self.told.append(f"load {name}")
        await asyncio.sleep(1.0)
        if self.broken:
            raise InputError("no such voice")
        try:
            yield name
        finally:
            self.told.append(f"stop {name}")


def test_equal_keys_share_and_the_last_one_stops() -> None:
    voices, shared = Voices(), SharedThings()

    async def session(name: str, begins_s: float, ends_s: float) -> float:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(begins_s)
        async with shared.lease(name, lambda: voices.open(name)) as voice:
            assert voice == name
            waited_s = loop.time() - begins_s
            await asyncio.sleep(ends_s - loop.time())
        return waited_s

    async def all_of_them() -> list[float]:
        return await asyncio.gather(
            session("mira", 0.0, 3.0), session("mira", 0.5, 5.0), session("jonas", 0.5, 4.0), session("mira", 4.0, 6.0)
        )

    assert run(all_of_them()) == pytest.approx([1.0, 0.5, 1.0, 0.0])
    assert voices.told == ["load mira", "load jonas", "stop jonas", "stop mira"]


def test_what_fails_to_load_is_told_to_all_who_wait_and_tried_again() -> None:
    voices, shared = Voices(), SharedThings()
    voices.broken = True

    async def session() -> str:
        async with shared.lease("mira", lambda: voices.open("mira")) as voice:
            return voice

    async def scene() -> list[object]:
        failed: list[object] = list(await asyncio.gather(session(), session(), return_exceptions=True))
        voices.broken = False
        return [*failed, await session()]

    first, second, third = run(scene())
    assert isinstance(first, InputError) and isinstance(second, InputError) and third == "mira"
    assert voices.told == ["load mira", "load mira", "stop mira"]


def test_loading_stops_when_nobody_waits_for_it_any_more() -> None:
    voices, shared = Voices(), SharedThings()

    async def session() -> None:
        async with shared.lease("mira", lambda: voices.open("mira")):
            await asyncio.sleep(2.0)

    async def scene() -> set[str]:
        first, second = asyncio.create_task(session()), asyncio.create_task(session())
        await asyncio.sleep(0.5)
        first.cancel()
        await asyncio.sleep(0.1)
        assert voices.told == ["load mira"], "the other one still waits"
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        return {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}

    assert run(scene()) == set()
    assert voices.told == ["load mira"]


def test_a_session_that_fails_leaves_what_others_use() -> None:
    voices, shared = Voices(), SharedThings()

    async def session(fails: bool) -> None:
        async with shared.lease("mira", lambda: voices.open("mira")):
            await asyncio.sleep(1.0)
            if fails:
                raise RuntimeError
            await asyncio.sleep(1.0)

    async def scene() -> list[object]:
        return list(await asyncio.gather(session(True), session(False), return_exceptions=True))

    failed, went_on = run(scene())
    assert isinstance(failed, RuntimeError) and went_on is None
    assert voices.told == ["load mira", "stop mira"]


def test_files_are_told_apart_by_what_is_in_them(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    one.write_bytes(b"a face")
    same.write_bytes(b"a face")
    other.write_bytes(b"another")
    assert content_key(one) == content_key(same) != content_key(other)
    assert content_key(tmp_path / "none") == str(tmp_path / "none") and content_key(None) is None
