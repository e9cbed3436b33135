"""Outputs opened and left together: what can't be had, what fails, what is still opening when all is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Self

import pytest

from avatar.decoder import VideoFrame
from avatar.motion import Floats
from avatar.outputs.opening import PlannedOutput, open_outputs, required
from speech.audio import Samples
from speech.errors import DeviceError, InputError


class Told:
    """An output that writes down what happens to it, in a list that all share."""

    def __init__(self, name: str, log: list[str], *, missing: bool = False, fails_to_end: bool = False) -> None:
        self._name, self._log, self._missing, self._fails_to_end = name, log, missing, fails_to_end

    def __enter__(self) -> Self:
        if self._missing:
            raise DeviceError(f"{self._name}: expected one, found none")
        self._log.append(f"{self._name} opened")
        return self

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._log.append(f"{self._name} {'finished' if kind is None else 'abandoned'}")
        if kind is None and self._fails_to_end:
            raise InputError(f"{self._name}: no space left")


def opened(planned: Sequence[PlannedOutput], problems: list[str], error: Exception | None = None) -> int:
    async def scene() -> int:
        async with open_outputs(planned, on_problem=problems.append) as outputs:
            if error is not None:
                raise error
            return len(outputs)

    return asyncio.run(scene())


def test_they_are_made_whole_or_abandoned_together() -> None:
    log: list[str] = []
    assert opened(required(Told("camera", log), Told("video", log)), []) == 2
    assert log == ["camera opened", "video opened", "video finished", "camera finished"]
    log.clear()
    with pytest.raises(ZeroDivisionError):
        opened(required(Told("camera", log), Told("video", log)), [], ZeroDivisionError())
    assert log[2:] == ["video abandoned", "camera abandoned"]


def test_one_that_can_not_be_had_is_told_and_one_that_was_asked_for_is_an_error() -> None:
    log: list[str] = []
    problems: list[str] = []
    camera = PlannedOutput(lambda: Told("camera", log, missing=True), is_required=False)
    assert opened([camera, *required(Told("video", log))], problems) == 1
    assert problems == ["camera: expected one, found none"] and log == ["video opened", "video finished"]
    log.clear()
    with pytest.raises(DeviceError, match=r"^video: expected one"):
        opened(required(Told("window", log), Told("video", log, missing=True)), problems)
    assert log == ["window opened", "window abandoned"], "it is closed again"


def test_one_that_can_not_be_finished_abandons_the_others() -> None:
    log: list[str] = []
    with pytest.raises(InputError, match="video: no space left"):
        opened(required(Told("motion", log), Told("video", log, fails_to_end=True)), [])
    assert log[2:] == ["video finished", "motion abandoned"]


def test_one_that_is_still_opening_when_all_is_cancelled_is_left() -> None:
    log: list[str] = []
    is_opening, go_on = threading.Event(), threading.Event()

    class Slow(Told):
        def __enter__(self) -> Self:
            is_opening.set()
            assert go_on.wait(10)
            return super().__enter__()

    async def scene() -> None:
        async def hold() -> None:
            async with open_outputs(required(Slow("window", log))):
                raise AssertionError("it is cancelled before")

        holding = asyncio.create_task(hold())
        await asyncio.to_thread(is_opening.wait, 10)
        holding.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await holding

    asyncio.run(scene())
    assert log == ["window opened", "window abandoned"]
