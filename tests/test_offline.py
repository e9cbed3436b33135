"""Nothing is looked up elsewhere in the middle of a conversation."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys

import pytest

from speech.worker.process import Worker

WORKERS = [
    "agent.llm.transformers_worker",
    "speech.tts.coqui_worker",
    "speech.asr.faster_whisper_worker",
    "speech.tts.synthesis.onnx_voice_worker",
    "speech.asr.pocketsphinx_worker",
    "speech.asr.whisper_worker",
]


def test_workers_load_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")

    async def main() -> dict[str, str]:
        names = ["HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"]
        worker = await Worker.start("tests.offline_worker", {"names": names}, what="the test")
        try:
            call = worker.open()
            return {str(name): value async for item in call.items() for name, value in item.fields.items()}
        finally:
            await worker.stop()

    assert asyncio.run(main()) == {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}


def test_workers_import_nothing_that_looks_at_it_before() -> None:
    for name in WORKERS:
        assert importlib.util.find_spec(name) is not None
    code = f"""
import importlib, sys
for name in {WORKERS!r}:
    importlib.import_module(name)
print(sorted({{"huggingface_hub", "transformers", "faster_whisper", "whisper", "TTS", "torch"}} & set(sys.modules)))
"""
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "[]"
