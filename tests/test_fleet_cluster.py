"""Replicas of the page on a local Ray cluster of simulated nodes: one dies, and its visitor goes on elsewhere."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]

PROGRAM = Path(__file__).parent / "fleet_cluster.py"


def test_a_replica_that_dies_costs_no_conversation(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "log"
    environ = {**os.environ, "PYTHONPATH": str(PROGRAM.parent.parent), "PYTHONWARNINGS": "ignore"}
    with log.open("w") as errors:
        program = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(port)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environ,
            start_new_session=True,
        )
        try:
            told, _ = program.communicate(timeout=200)
        finally:
            if program.poll() is None:  # Ray's own processes go with it
                os.killpg(program.pid, signal.SIGKILL)
                program.wait()
    assert program.returncode == 0, log.read_text()[-3000:]
    assert json.loads(told.splitlines()[-1]) == {
        "nodes": 3,
        "apart": True,
        "turns": [1, 1],
        "kept": ["What is your name?"],
        "goes_on": 2,
        "other_undisturbed": True,
        "unknown": 404,
    }
