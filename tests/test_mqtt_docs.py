"""Every command and every example of docs/mqtt.md, against a real broker."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Iterator, Sized
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.config.device_sections import MqttSection
from agent.conversation.events import Problem, Say, StateChanged, TypedText
from agent.mqtt.bridge import MqttBridge
from agent.mqtt.messages import Command, parse
from agent.text.sentences import Sentence
from avatar.motion import ConversationState, Emotion, MotionLayout, neutral
from avatar.outputs.mqtt_motion import MqttMotionOutput
from speech.events import Transcript
from tests.broker import Mosquitto, free_port
from tests.test_mqtt import SILENCE, KeptConversation, until

pytestmark = pytest.mark.mosquitto

DOC = (Path(__file__).parent.parent / "docs" / "mqtt.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOC, re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines()]
GUARDED = next(i for i, line in enumerate(COMMANDS) if line.startswith("mosquitto_passwd"))
PLAIN = COMMANDS[:GUARDED]
JAW = 0.5


class Talker:
    """A bridge whose conversation always has something new to tell."""

    def __init__(self, settings: MqttSection) -> None:
        self.problems: list[str] = []
        self.conversation = KeptConversation()
        self.bridge = MqttBridge(settings, lambda problem: self.problems.append(problem.message))

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.bridge.run(self.conversation)), asyncio.create_task(self._talk())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _talk(self) -> None:
        motion = MqttMotionOutput(self.bridge.publish_motion)
        values = neutral(1)[0]
        values[MotionLayout.INDEX["jawOpen"]] = JAW
        self.bridge.on_event(StateChanged(ConversationState.LISTENING))
        while True:
            self.bridge.on_event(Transcript("when are you open", True, 12.4, 13.9))
            self.bridge.on_event(Sentence(0, "From nine to six."))
            self.bridge.on_event(Problem("the voice broke"))
            motion.write(None, SILENCE, values)
            await asyncio.sleep(0.05)


async def shell(line: str, folder: Path, **environment: str) -> str:
    process = await asyncio.create_subprocess_shell(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, env=os.environ | environment
    )
    out, err = await asyncio.wait_for(process.communicate(), 20.0)
    assert process.returncode == 0 and not err, f"{line}\n{err.decode()}"
    return out.decode()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as mosquitto:
        for program in ("mosquitto_pub", "mosquitto_sub"):  # where these look for options that a command doesn't give
            (tmp_path / program).write_text(f"-p {mosquitto.port}\n")
        yield mosquitto


def test_the_commands_of_an_open_broker(broker: Mosquitto, tmp_path: Path) -> None:
    async def scene() -> list[str]:
        talker = Talker(MqttSection(host="127.0.0.1", port=broker.port))
        answers, calls, asked = list[str](), talker.conversation.calls, talker.conversation.asked
        async with talker.at_work():
            await shell("mosquitto_sub -t visavis/motion -C 1", tmp_path, XDG_CONFIG_HOME=str(tmp_path))
            for line in PLAIN:
                before = len(asked) + len(calls)
                answers.append(await shell(line, tmp_path, XDG_CONFIG_HOME=str(tmp_path)))
                if line.startswith("mosquitto_pub"):
                    await until(partial(_has_more, before, asked, calls))
        assert talker.problems == []
        assert [name for name, _ in calls] == ["say", "ask", "stop", "hold", "resume"]
        assert len(asked) == 12
        assert [controls.emotion for controls in asked[:4]] == [Emotion.HAPPY, Emotion.SURPRISED, None, None]
        assert [controls.gaze is None for controls in asked[2:7]] == [True, False, False, True, True]
        assert [controls.head_distance for controls in asked[5:10]] == [1.2, 1.2, 0.9, None, None]
        assert [controls.composure for controls in asked[8:]] == [None, 0.8, 0.2, None]
        return [answer.strip() for line, answer in zip(PLAIN, answers, strict=True) if "mosquitto_sub" in line]

    state, *told = asyncio.run(scene())
    transcript, reply, motion, event = (json.loads(answer) for answer in told)
    assert state == "listening"
    documented = [json.loads(text) for text in re.findall(r'`(\{"[^`]*\})`', DOC[DOC.index("## Hear") :])]
    shown = {frozenset(example) for example in documented}
    assert {frozenset(transcript), frozenset(reply), frozenset(event)} <= shown
    (example,) = (json.loads(block) for block in blocks("json"))
    assert motion.keys() == example.keys()
    assert motion["head"].keys() == example["head"].keys() and motion["gaze"].keys() == example["gaze"].keys()
    assert set(example["blendshapes"]) < set(motion["blendshapes"]) == set(MotionLayout.NAMES[8:])


def _has_more(before: int, *lists: Sized) -> bool:
    return sum(map(len, lists)) > before


def test_the_robots_jaw(broker: Mosquitto, tmp_path: Path) -> None:
    (program,) = blocks("python")
    (tmp_path / "robot.py").write_text(program.replace("1883", str(broker.port)))

    async def scene() -> bytes:
        talker = Talker(MqttSection(host="127.0.0.1", port=broker.port))
        async with talker.at_work():
            robot = await asyncio.create_subprocess_exec(
                sys.executable, "robot.py", cwd=tmp_path, stdout=subprocess.PIPE
            )
            assert robot.stdout is not None
            try:
                return await asyncio.wait_for(robot.stdout.readline(), 20.0)
            finally:
                robot.kill()
                await robot.communicate()

    assert asyncio.run(scene()).decode() == f"servo {10 + 35 * JAW:.1f}\n"


@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")  # paho leaves it to the collector
def test_the_guarded_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_password, make_certificate, start, export, subscribe = COMMANDS[GUARDED:]
    port = free_port()
    for line in (make_password, make_certificate):
        subprocess.run(line, shell=True, cwd=tmp_path, check=True, capture_output=True)
    (config,) = blocks("ini")
    # Started by root it would become a user who can't read the test's folder.
    owner = "user root\n" if os.geteuid() == 0 else ""
    (tmp_path / "mosquitto.conf").write_text(owner + config.replace("8883", str(port)))
    for name, value in re.findall(r"(\w+)=('[^']*'|\S+)", export):
        monkeypatch.setenv(name, value.strip("'"))
    monkeypatch.chdir(tmp_path)
    settings: dict[str, Any] = tomllib.loads(blocks("toml")[1])["mqtt"] | {"port": port}

    async def scene() -> str:
        talker = Talker(MqttSection(**settings))
        async with talker.at_work():
            try:
                return await shell(subscribe.replace("8883", str(port)), tmp_path)
            finally:
                assert talker.problems == []

    async def untrusted() -> list[str]:
        monkeypatch.delenv("SSL_CERT_FILE")
        talker = Talker(MqttSection(**settings))
        async with talker.at_work():
            await until(lambda: talker.problems)
        return talker.problems

    with subprocess.Popen(start.split(), stderr=subprocess.DEVNULL, cwd=tmp_path) as broker:
        try:
            _wait_for(port)
            assert asyncio.run(scene()).strip() == "listening"
            (problem,) = asyncio.run(untrusted())
            assert "expected a TLS connection" in problem and "CERTIFICATE_VERIFY_FAILED" in problem
        finally:
            broker.kill()
    gc.collect()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10.0
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_the_payloads_of_the_table_are_read() -> None:
    rows = re.findall(r"^\| `visavis/(\w+)` \| (.*?) \|", DOC[: DOC.index("## Hear")], re.MULTILINE)
    assert [name for name, _ in rows] == list(Command)
    payloads = [(Command(name), payload) for name, text in rows for payload in re.findall(r"`(.*?)`", text)]
    assert len(payloads) == 9
    for command, payload in payloads:
        assert not isinstance(parse(command, payload.encode()), Say | TypedText)
    named = re.search(r"Emotions are (.*?);", DOC)
    assert named is not None and re.split(r", | and ", named[1]) == list(Emotion)
