"""What our minds cost over calling the libraries directly: time to the first text and to the whole reply, ms.

transformers: our worker process against `generate` in this process with a streamer, the same greedy tokens. openai: our
mind against the client itself, on the tests' server. Direct and ours take turns; the first rounds are thrown away.

Run as `python -m benchmarks.mind_wrapper` in the project's folder; takes half a minute. `--model FOLDER` measures a
real model, `--layers 24 --hidden 896` one with random weights, which shows what keeping the read prompt saves.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

from agent.llm import LLM
from agent.llm_openai import OpenAILLM
from agent.llm_transformers import TransformersLLM
from agent.prompt import Prompt
from benchmarks.report import print_machine, print_percentiles
from tests.openai_server import Answer, ChatServer
from tests.tiny_chat import ANSWERS, make_random_chat, make_tiny_chat

WARM_UP = 2
Times = tuple[float, float]


async def timed(deltas: AsyncIterator[str]) -> Times:
    """Milliseconds to the first text and to the end."""
    began, first = time.perf_counter(), 0.0
    async for delta in deltas:
        if delta and not first:
            first = time.perf_counter()
    return 1000 * (first - began), 1000 * (time.perf_counter() - began)


async def timed_reply(mind: LLM, question: str) -> Times:
    """The same of a mind's reply."""
    async with aclosing(mind.stream([], question)) as deltas:
        return await timed(deltas)


class DirectGenerate:
    """transformers as its documentation shows it: a thread generates, a streamer is read."""

    def __init__(self, folder: Path, threads: int, max_tokens: int) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.set_num_threads(threads)
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype="float32").eval()
        self._prompt = Prompt(name="Mira")
        self._max_tokens = max_tokens

    def reply(self, question: str) -> Times:
        """Milliseconds to the first text and to the end."""
        from transformers import TextIteratorStreamer

        began, first = time.perf_counter(), 0.0
        inputs = self._tokenizer.apply_chat_template(
            self._prompt.messages([], question), add_generation_prompt=True, return_tensors="pt"
        )
        streamer = TextIteratorStreamer(self._tokenizer, skip_prompt=True, skip_special_tokens=True)
        settings = {**inputs, "streamer": streamer, "max_new_tokens": self._max_tokens, "do_sample": False}
        thread = threading.Thread(target=self._model.generate, kwargs=settings)
        thread.start()
        for text in streamer:
            if text and not first:
                first = time.perf_counter()
        thread.join()
        return 1000 * (first - began), 1000 * (time.perf_counter() - began)


async def compare(
    what: str, direct: Callable[[str], Awaitable[Times]], ours: Callable[[str], Awaitable[Times]], rounds: int
) -> None:
    """Runs both in turns and prints the percentiles."""
    took: dict[str, list[Times]] = {"direct": [], "ours": []}
    for round_number in range(rounds + WARM_UP):
        for question in ANSWERS:
            for name, reply in (("direct", direct), ("ours", ours)):
                times = await reply(question)
                if round_number >= WARM_UP:
                    took[name].append(times)
    for place, part in enumerate(("first text", "whole reply")):
        for name, times_of in took.items():
            goal = "direct + 5 % or 20 ms" if name == "ours" else ""
            print_percentiles(f"{what}: {part}, {name}", [times[place] for times in times_of], "ms", goal)


async def measure_transformers(folder: Path, rounds: int, max_tokens: int, threads: int) -> None:
    """Compares with `generate`."""
    direct = DirectGenerate(folder, threads, max_tokens)
    began = time.perf_counter()
    async with TransformersLLM(model=folder, name="Mira", device="cpu", temperature=0, max_tokens=max_tokens) as mind:
        print(f"transformers: worker loaded in {time.perf_counter() - began:.1f} s")

        async def directly(question: str) -> Times:
            return direct.reply(question)

        await compare("transformers", directly, lambda question: timed_reply(mind, question), rounds)


async def measure_openai(rounds: int) -> None:
    """Compares with the client."""
    import openai

    prompt = Prompt(name="Mira")
    async with ChatServer() as server:
        server.answers = [Answer(tuple(f"word{number} " for number in range(40)), delay_s=0.002)]

        client: Any = openai.AsyncOpenAI(base_url=server.url, api_key="none")

        async def deltas(question: str) -> AsyncIterator[str]:
            reply = await client.chat.completions.create(
                model="tiny", messages=prompt.messages([], question), stream=True
            )
            async for chunk in reply:
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content

        async with (
            client,
            OpenAILLM(base_url=server.url, model="tiny", name="Mira", api_key_env="") as mind,
        ):
            await compare("openai", lambda question: timed(deltas(question)), lambda q: timed_reply(mind, q), rounds)


def main() -> None:
    """Reads the command line, measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="times each question is asked (default %(default)s)")
    parser.add_argument("--model", type=Path, help="folder of a model (default: the tests' tiny one, trained first)")
    parser.add_argument("--layers", type=int, default=0, help="of a random model instead")
    parser.add_argument("--hidden", type=int, default=896, help="width of a random model (default %(default)s)")
    parser.add_argument("--max-tokens", type=int, default=40, help="longest reply (default %(default)s)")
    arguments = parser.parse_args()
    threads = min(4, max(1, len(os.sched_getaffinity(0)) - 1))  # as the worker does
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory(prefix="visavis-") as temporary:
        folder = arguments.model or Path(temporary)
        if arguments.layers:
            make_random_chat(folder, layers=arguments.layers, hidden=arguments.hidden)
        elif arguments.model is None:
            make_tiny_chat(folder)
        print_machine(
            "transformers",
            "torch",
            "openai",
            "httpx",
            threads=threads,
            model=arguments.model or "made here",
            layers=arguments.layers or "as in the tests",
            max_tokens=arguments.max_tokens,
        )
        asyncio.run(measure_transformers(folder, arguments.rounds, arguments.max_tokens, threads))
    asyncio.run(measure_openai(arguments.rounds))


if __name__ == "__main__":
    main()
