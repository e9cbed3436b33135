"""What the log says minute by minute."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from agent.config.session_sections import LogSection
from agent.log.log import Log
from agent.log.vitals import log_vitals, memory_mb
from tests.virtual_time import run


def test_losses_are_logged_in_the_minutes_that_have_them_and_memory_every_ten(tmp_path: Path) -> None:
    counts = {"frames_late": 7, "underflows": 0}

    async def eleven_minutes() -> None:
        task = asyncio.create_task(log_vitals(lambda: counts), name="vitals")
        await asyncio.sleep(90.0)
        counts["frames_late"] += 3
        await asyncio.sleep(480.0)
        counts["frames_late"] += 2
        counts["underflows"] += 1
        await asyncio.sleep(90.0)
        task.cancel()

    log = Log()
    log.open(LogSection(format="json").model_copy(update={"folder": tmp_path}), print)
    run(eleven_minutes())
    log.close()
    lines = [json.loads(line) for line in (tmp_path / "visavis.log").read_text().splitlines()]
    found = [{key: line[key] for key in ("frames_late", "underflows") if key in line} for line in lines]
    assert [one for one in found if one] == [{"frames_late": 3}, {"frames_late": 2, "underflows": 1}]
    assert [line["event"] for line in lines] == ["memory", "losses", "losses", "memory"]


def test_memory_is_this_process_and_its_children() -> None:
    own, _ = memory_mb()
    if not Path("/proc/self/statm").exists():
        assert own is None
        return
    assert own is not None and own > 10
    child = os.fork()
    if not child:
        os.read(os.pipe()[0], 1)  # until it is killed
    try:
        assert memory_mb()[1] > 5
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
