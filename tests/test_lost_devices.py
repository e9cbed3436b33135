"""Devices that come and go, told by the sound card: a sound process that does as the test says, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest

from speech.devices.listing import Kind
from speech.devices.sound_card import SoundCard
from speech.errors import InputError
from speech.sound_track import SoundTrack
from speech.worker.process import Item, Worker
from tests.virtual_time import run

GONE = "it is gone; plug it in again or wait, the rest goes on"
AGAIN = "it is there again"


class Devices:
    """The sound processes of a card, one after the other.

    Attributes:
        there: the devices that can be opened.
        starts: how many processes were started.
    """

    def __init__(self) -> None:
        self.there: set[Kind] = {"speaker", "microphone"}
        self.starts = 0
        self.card: SoundCard | None = None

    def unplug(self, kind: Kind) -> None:
        """From now on it does not call, and is not to be found."""
        assert self.card is not None
        self.there.discard(kind)
        setattr(self.card._memory, f"{kind}_called_s", float("-inf"))
        self.card.heard_at(0)  # somebody asks for the time all the time

    async def start(self, module: str, setup: Mapping[str, Any], what: str, inherited: Sequence[int] = ()) -> Process:
        self.starts += 1
        return Process(self)


class Process:
    """Stands for `Worker`."""

    has_ended = False

    def __init__(self, devices: Devices) -> None:
        self._devices = devices

    async def request(self, fields: Mapping[str, Any]) -> AsyncIterator[Item]:
        if "listen" in fields:
            await asyncio.Event().wait()
        kind = fields.get("open")
        if kind is not None:
            if kind not in self._devices.there:
                raise InputError(f"{kind}: expected one to be connected, found none")
            assert self._devices.card is not None
            setattr(self._devices.card._memory, f"{kind}_called_s", float("inf"))  # it calls all the time
        for item in ():
            yield item

    async def stop(self) -> None:
        self.has_ended = True


Scene = Callable[[SoundCard, Devices, list[str]], Awaitable[None]]
"""What happens to a card with these devices, and what it has said so far."""


def told(monkeypatch: pytest.MonkeyPatch, scene: Scene) -> list[str]:
    """What a card says while this happens."""
    devices, lines = Devices(), list[str]()
    monkeypatch.setattr(Worker, "start", devices.start)

    async def main() -> None:
        card = devices.card = SoundCard(speaker="", microphone="", on_problem=lines.append)
        async with card.playing(SoundTrack()):
            await scene(card, devices, lines)

    run(main())
    return lines


def test_a_device_that_goes_while_another_is_waited_for_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(card: SoundCard, devices: Devices, lines: list[str]) -> None:
        devices.unplug("speaker")
        await asyncio.sleep(60.0)  # by now it is tried every half minute
        devices.unplug("microphone")
        await asyncio.sleep(0.1)
        assert len(lines) == 2
        devices.there = {"speaker", "microphone"}
        await asyncio.sleep(31.0)

    lines = told(monkeypatch, scene)
    assert lines == [f"speaker: {GONE}", f"microphone: {GONE}", f"speaker: {AGAIN}", f"microphone: {AGAIN}"]


def test_every_opening_of_a_device_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever cancels its echo begins anew then."""

    async def scene(card: SoundCard, devices: Devices, lines: list[str]) -> None:
        counts = [card.openings]
        for kind in ("microphone", "speaker"):
            devices.unplug(kind)
            await asyncio.sleep(0.1)
            devices.there.add(kind)
            await asyncio.sleep(1.5)
            counts.append(card.openings)
        card._unsteady.set()
        await asyncio.sleep(0.1)
        assert [*counts, card.openings] == [2, 3, 4, 5]

    told(monkeypatch, scene)


def test_a_device_that_is_lost_for_the_sake_of_another_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """New devices are only seen when the working ones are opened again too; one of these may not come back."""

    async def scene(card: SoundCard, devices: Devices, lines: list[str]) -> None:
        devices.unplug("speaker")
        await asyncio.sleep(0.1)
        devices.there.discard("microphone")  # it still calls
        await asyncio.sleep(6.0)
        assert devices.starts == 2 and len(lines) == 2
        chunk = await anext(card.chunks())
        assert chunk.duration_s > 5.0, "whoever was speaking has ended"

    assert told(monkeypatch, scene) == [f"speaker: {GONE}", f"microphone: {GONE}"]


def test_a_speaker_that_can_not_be_opened_with_more_latency_is_told_and_found_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene(card: SoundCard, devices: Devices, lines: list[str]) -> None:
        devices.there.discard("speaker")
        card._unsteady.set()
        await asyncio.sleep(0.5)
        devices.there.add("speaker")
        await asyncio.sleep(2.0)

    assert told(monkeypatch, scene) == [f"speaker: {GONE}", f"speaker: {AGAIN}"]
