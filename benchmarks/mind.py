"""How quick the packaged language model is, and what our minds cost over calling the libraries directly.

SmolLM2 in its worker process: load, first text, first sentence, tokens a second, memory; beside it `generate` of
transformers in this process, in float32 and greedy, as its documentation shows it. openai: our mind against the client
itself, on the tests' server. The first round is thrown away; the first use on a machine converts the weights, untimed.

Run as `python -m benchmarks.mind` in the project's folder; takes a minute or two.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import threading
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from agent.llm.base import Conversation
from agent.llm.openai import OpenAILLM
from agent.llm.prompt import Prompt
from agent.llm.short_prompt import ShortPrompt
from agent.llm.transformers import TransformersLLM
from agent.models.packaged import packaged_path
from benchmarks.report import print_machine, print_percentiles
from tests.openai_server import Answer, ChatServer
from tests.smol import packaged_smol, smol_folder

QUESTIONS = (
    "I am a bit tired today.",
    "Do you like the winter?",
    "What should I cook tonight?",
    "Tell me a story about a snail.",
)
GOALS = {"first sentence": "1500", "tokens a second": "at least 25"}
_SENTENCE = re.compile(r"[.!?…][\"”’')]*(?:\s|$)")


async def timed(deltas: AsyncIterator[str]) -> tuple[float, float, float, str]:
    """Milliseconds to the first text, to the end of the first sentence and to the end; and the text."""
    began, first, sentence, text = time.perf_counter(), 0.0, 0.0, ""

    def since() -> float:
        return 1000 * (time.perf_counter() - began)

    async for delta in deltas:
        text += delta
        first = first or since()
        sentence = sentence or (since() if _SENTENCE.search(text) else 0.0)
    return first, sentence or since(), since(), text


async def timed_reply(mind: Conversation, question: str) -> tuple[float, float, float, str]:
    """The same of a mind's reply."""
    async with aclosing(mind.stream([], question)) as deltas:
        return await timed(deltas)


def rss_mb(process: int) -> float:
    """Memory of a process, MB; 0 where /proc tells nothing."""
    try:
        fields = Path(f"/proc/{process}/status").read_text().split("VmRSS:")
    except OSError:
        return 0.0
    return int(fields[1].split()[0]) / 1000


async def measure_packaged(rounds: int, loads: int) -> None:
    """The packaged model as the program runs it."""
    packaged = packaged_smol()
    path = packaged_path(packaged)
    loading = []
    for _ in range(loads):
        mind = TransformersLLM(model=path, packaged=packaged, name="Mira", device="cpu")
        began = time.perf_counter()
        async with mind:
            loading.append(time.perf_counter() - began)
    print_percentiles("SmolLM2: load", loading, "s", "5")
    took: dict[str, list[float]] = {"first text": [], "first sentence": [], "whole reply": []}
    rates: list[float] = []
    async with TransformersLLM(model=path, packaged=packaged, name="Mira", device="cpu") as mind:
        assert mind._kept._doing_beside is not None and mind._kept._worker is not None
        await mind._kept._doing_beside
        for round_number in range(rounds + 1):
            for question in QUESTIONS:
                with mind.conversation() as talk:
                    *times, _ = await timed_reply(talk, question)
                if round_number:
                    for values, value in zip(took.values(), times, strict=True):
                        values.append(value)
            if round_number:
                rates.append(await tokens_a_second(mind))
        memory = rss_mb(mind._kept._worker._process.pid)
    for what, values in took.items():
        print_percentiles(f"SmolLM2: {what}", values, "ms", GOALS.get(what, ""))
    print_percentiles("SmolLM2: tokens a second", rates, "", GOALS["tokens a second"])
    print(f"SmolLM2: memory of its process {memory:.0f} MB")


async def tokens_a_second(mind: TransformersLLM) -> float:
    """The worker's own pace from the first token of a story to the last, whatever of it is said."""
    worker = await mind._kept.running()
    messages = ShortPrompt(name="Mira").messages([], QUESTIONS[-1])
    call = {"conversation": 0, "messages": messages, **mind._settings, "max_tokens": 80}
    at: list[float] = []
    async with aclosing(worker.request(call)) as items:
        async for item in items:
            if item.fields["text"]:
                at.append(time.perf_counter())
    return (len(at) - 1) / (at[-1] - at[0])


def measure_generate(rounds: int, threads: int) -> None:
    """Tokens a second of `generate` in float32, as transformers' documentation shows it."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, TextIteratorStreamer

    torch.set_num_threads(threads)
    folder = smol_folder()
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype="float32").eval()
    inputs = tokenizer.apply_chat_template(
        ShortPrompt(name="Mira").messages([], QUESTIONS[-1]), add_generation_prompt=True, return_tensors="pt"
    )
    rates = []
    for _ in range(rounds + 1):
        streamer = TextIteratorStreamer(tokenizer, skip_prompt=True)
        settings = {**inputs, "streamer": streamer, "max_new_tokens": 80, "min_new_tokens": 80, "do_sample": False}
        thread = threading.Thread(target=model.generate, kwargs=settings)
        thread.start()
        first = 0.0
        for _ in streamer:
            first = first or time.perf_counter()
        thread.join()
        rates.append(79 / (time.perf_counter() - first))
    print_percentiles("generate in float32: tokens a second", rates[1:], "")


async def measure_openai(rounds: int) -> None:
    """Our mind for servers against the client itself."""
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

        took: dict[str, list[float]] = {}
        async with client, OpenAILLM(base_url=server.url, model="tiny", name="Mira", api_key_env="") as mind:
            for round_number in range(rounds + 1):
                for question in QUESTIONS:
                    for name, times in (
                        ("direct", await timed(deltas(question))),
                        ("ours", await timed_reply(mind, question)),
                    ):
                        if round_number:
                            took.setdefault(f"openai: first text, {name}", []).append(times[0])
                            took.setdefault(f"openai: whole reply, {name}", []).append(times[2])
        for what, values in took.items():
            print_percentiles(what, values, "ms")


def main() -> None:
    """Reads the command line, measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="times each question is asked (default %(default)s)")
    parser.add_argument("--loads", type=int, default=3, help="times the model is loaded (default %(default)s)")
    arguments = parser.parse_args()
    threads = min(4, max(1, len(os.sched_getaffinity(0)) - 1))  # as the worker does
    os.environ["HF_HUB_OFFLINE"] = "1"
    smol_folder()
    print_machine("transformers", "torch", "openai", threads=threads, seed=0, temperature=0.3)
    asyncio.run(measure_packaged(arguments.rounds, arguments.loads))
    measure_generate(arguments.rounds, threads)
    asyncio.run(measure_openai(arguments.rounds))


if __name__ == "__main__":
    main()
