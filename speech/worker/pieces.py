"""Long work done in pieces by several processes, each piece kept by itself, so that a run that was stopped goes on.

A piece depends on its plan and on nothing that was made before it: whatever is there when a run ends, by itself or by
SIGKILL, is as good as what the next one would make.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from speech.errors import InputError, VisavisError, first_of_ours
from speech.files.draft import Draft
from speech.worker.call import Item
from speech.worker.process import Worker


def keep_pieces(folder: Path, plan: str, report: Callable[[str], None]) -> None:
    """Makes the folder in which pieces wait for each other, emptied where what is in it was made by another plan.

    Args:
        folder: made if needed.
        plan: one text, in which everything that pieces depend on makes a difference.
        report: called with what is thrown away.

    Raises:
        InputError: the folder can't be made.
    """
    file = folder / "plan.json"
    try:
        is_same = file.read_text("utf-8") == plan
    except (OSError, ValueError):
        is_same = False
    if not is_same and folder.exists():
        report(f"{folder}: begun with another seed, other voices, sound or code; made anew")
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: could not make the folder: {error.strerror}") from None
    with Draft(file) as draft:
        draft.path.write_text(plan, "utf-8")


async def make_pieces(
    module: str,
    setup: Mapping[str, Any],
    calls: Iterator[Mapping[str, Any]],
    made: Callable[[Mapping[str, Any], Item], None],
    *,
    processes: int,
    what: str,
) -> None:
    """Has worker processes do calls, one at a time each, until there are no more.

    Args:
        module: of the workers, see `Worker.start`.
        setup: theirs.
        calls: asked for the next call whenever a worker is free.
        made: called with a call and each item of its result.
        processes: that work.
        what: a worker's name in messages.

    Raises:
        VisavisError: a worker could not start, or failed; the others are ended.
    """

    async def work(name: str) -> None:
        worker = await Worker.start(module, setup, what=name)
        try:
            for call in calls:
                async with aclosing(worker.request(call)) as told:
                    async for item in told:
                        made(call, item)
        finally:
            await worker.stop()

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(processes):
                group.create_task(work(f"{what} {number}"), name=f"{what} {number}")
    except* VisavisError as errors:
        raise first_of_ours(errors) or errors from None
