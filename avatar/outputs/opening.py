"""The outputs of one conversation or recording: opened one after the other, left together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from avatar.outputs.base import Output
from speech.errors import VisavisError


@dataclass(frozen=True, slots=True)
class PlannedOutput:
    """An output that is to be opened.

    Attributes:
        make: makes it, not yet entered; may raise what entering may.
        is_required: whether nothing begins without it (a file that was asked for); else that it can't be had is told,
            and the rest goes on (a camera, a window).
    """

    make: Callable[[], Output]
    is_required: bool = True


def required(*outputs: Output) -> list[PlannedOutput]:
    """Outputs that are made already, without which nothing begins."""

    def plan(output: Output) -> PlannedOutput:
        return PlannedOutput(lambda: output)

    return [plan(output) for output in outputs]


@asynccontextmanager
async def open_outputs(
    planned: Sequence[PlannedOutput], *, on_problem: Callable[[str], None] = lambda problem: None
) -> AsyncGenerator[tuple[Output, ...], None]:
    """Opens outputs, and leaves them at the end: without an exception they are made whole, else abandoned.

    All of that happens on one thread of its own, in order: an output that is still opening when this is cancelled is
    left as soon as it is open.

    Args:
        planned: in the order in which they are opened; they are left in the opposite one.
        on_problem: called with one line for each output that can't be had and isn't required.

    Raises:
        VisavisError: one that is required can't be had, or can't be made whole in the end; the others are abandoned.
    """
    loop, stack, outputs = asyncio.get_running_loop(), ExitStack(), list[Output]()

    def enter(plan: PlannedOutput) -> None:
        outputs.append(stack.enter_context(plan.make()))

    thread = ThreadPoolExecutor(1, "outputs")
    try:
        for plan in planned:
            try:
                await loop.run_in_executor(thread, enter, plan)
            except VisavisError as error:
                if plan.is_required:
                    raise
                on_problem(str(error))
        yield tuple(outputs)
    except BaseException as error:
        await _done(loop.run_in_executor(thread, stack.__exit__, type(error), error, error.__traceback__))
        raise
    else:
        await _done(loop.run_in_executor(thread, stack.close))
    finally:
        thread.shutdown(wait=False)


async def _done(leaving: asyncio.Future[Any]) -> None:
    """Waits to the end, cancelled or not: a file that is being finished becomes whole."""
    try:
        await asyncio.shield(leaving)
    except asyncio.CancelledError:
        await asyncio.wait({leaving})
        raise
