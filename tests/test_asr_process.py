"""What all recognisers in processes of their own share, with a worker that only counts what it hears."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from speech.asr.process import ProcessASR
from speech.audio import SPEECH_RATE_HZ, AudioChunk

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written for processes as Unix has them")

MODULE = """
from speech.worker.main import serve

def load(setup):
    def hear(call):
        pieces = 0
        for pcm in call.incoming():
            pieces += 1
            call.emit({"text": f"{pieces} pieces"})
        call.emit({"text": f"{pieces} pieces", "is_final": True})
    return hear

if __name__ == "__main__":
    serve(load)
"""
PIECE = SPEECH_RATE_HZ // 20


@asynccontextmanager
async def ears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ProcessASR]:
    (tmp_path / "counting_worker.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    async with ProcessASR(name="counting", what="the counting one", module="counting_worker", setup={}) as asr:
        yield asr


def test_whoever_is_cancelled_while_an_utterance_is_closed_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        is_closing, went_on = asyncio.Event(), False

        async def slow_to_end() -> AsyncGenerator[AudioChunk, None]:
            try:
                yield AudioChunk(np.zeros(PIECE, np.float32), SPEECH_RATE_HZ, 0)
                await asyncio.Event().wait()
            finally:
                is_closing.set()
                await asyncio.sleep(0.2)

        async def listen_and_go_on() -> None:
            nonlocal went_on
            async with aclosing(asr.transcribe(slow_to_end())) as transcripts:
                assert (await anext(transcripts)).text == "1 pieces"
            went_on = True

        async with ears(tmp_path, monkeypatch) as asr:
            listening = asyncio.create_task(listen_and_go_on(), name="listen")
            await is_closing.wait()
            listening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await listening
            assert not went_on

    asyncio.run(scene())
