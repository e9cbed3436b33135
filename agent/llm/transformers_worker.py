"""The process in which a language model thinks, run by `agent.llm.transformers`.

A call has the fields "messages", "temperature", "max_tokens" and "seed"; it is answered by items with the next piece of
the reply in "text"; the last one says in "was_cut" whether it got too long.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.llm.chat_tokens import LEAST_REPLY, NEXT_TURN, Chat, ChatTokens
from agent.llm.gguf_folder import GROUP_SETTING, chat_folder
from agent.models.packaged_models import find_packaged
from agent.text.stream_splitter import StreamSplitter
from speech.errors import InputError
from speech.worker.main import Call, Cancelled, Work, serve

_READ_AT_ONCE, _READ_AT_ONCE_PACKED = 64, 32
"""Tokens of a prompt that are read in one go: between them the work can be cancelled. What was read is kept; with
packed weights only in whole parts (see `ChatModel._kept`), so that smaller ones cost less."""

_MOST_THREADS = 4
_NICENESS = 5
_UNLIMITED = 1 << 20
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model", "vocab.txt", "tekken.json")


class _ReplyEnded(Exception):
    """The model has begun to speak for the person."""


class ChatModel:
    """A causal language model, one reply at a time, with what it has read last kept.

    Args:
        folder: in the Hugging Face format.
        device: "auto", "cpu", "cuda", "mps".

    Raises:
        InputError: something is missing or damaged.
    """

    def __init__(self, folder: Path, device: str) -> None:
        from agent.llm.four_bit_linear import is_packed

        self._device = _choose_device(device)
        self._tokenizer = _load_tokenizer(folder)
        self._model = _load_model(folder, self._device)
        most = getattr(self._model.config.get_text_config(), "max_position_embeddings", None) or _UNLIMITED
        self._chat = ChatTokens(self._tokenizer, min(most, self._tokenizer.model_max_length))
        ends = self._model.generation_config.eos_token_id
        self._ends = set(ends if isinstance(ends, list) else [ends]) | {self._tokenizer.eos_token_id}
        self._cache: Any = None
        self._read: list[int] = []
        self._read_as_prompt = 0
        self._is_packed = is_packed(self._model)
        self._part = _READ_AT_ONCE_PACKED if self._is_packed else _READ_AT_ONCE

    def check_room(self, messages: Chat) -> None:
        """Checks that the model can hold these messages and a short reply.

        Raises:
            InputError: it can't.
        """
        self._chat.encode(messages, max_tokens=LEAST_REPLY)

    def reply(
        self,
        messages: Chat,
        *,
        temperature: float,
        max_tokens: int,
        seed: int,
        emit: Callable[[str], None],
        check: Callable[[], None],
    ) -> bool:
        """Answers.

        Args:
            messages: see `agent.llm.prompt.Prompt.messages`.
            temperature: 0 always says the likeliest.
            max_tokens: longest reply.
            seed: the same seed and messages give the same reply.
            emit: takes each piece of the reply; what it raises ends the work.
            check: called between steps; what it raises ends the work.

        Returns:
            Whether the reply was cut off because it got too long.

        Raises:
            InputError: the prompt does not fit.
        """
        import torch

        from agent.llm.token_choice import TokenChoice

        tokens, room, is_reasoning = self._chat.encode(messages, max_tokens)
        if is_reasoning:
            emit("<think>")
        self._forget_from(self._kept(tokens))
        said = _Said(self._tokenizer, _until_next_turn(emit) if self._chat.is_plain else emit)
        choice = TokenChoice(self._model.generation_config, temperature=temperature, seed=seed, prompt=tokens)
        try:
            with torch.inference_mode():
                self._read_prompt(tokens, check)
                token = tokens[-1]
                for _ in range(room):
                    check()
                    token = choice.next(self._logits_after(token))
                    if token in self._ends:
                        return False
                    said.add(token)
                return True
        except _ReplyEnded:
            return False
        except Cancelled:
            raise
        except BaseException:
            self._cache = None
            raise
        finally:
            self._read = [] if self._cache is None else [*tokens, *said.tokens][: self._cache.get_seq_length()]
            self._read_as_prompt = min(len(self._read), len(tokens) - 1)

    def _kept(self, prompt: list[int]) -> int:
        """How many tokens of a prompt need not be read again.

        Packed weights take their inputs in bfloat16: a difference in the last digit, such as between tokens that are
        read one by one and together, grows until another word is drawn. There only parts are kept that would be read
        in the same way again, and a conversation goes the same way whatever was read, and thrown away, between.
        """
        length = _common_length(prompt, self._read)
        return min(length, self._read_as_prompt) // self._part * self._part if self._is_packed else length

    def _forget_from(self, length: int) -> None:
        """Keeps the first `length` tokens of what was read, if the model's kind of cache can go back."""
        from transformers import DynamicCache

        surplus = len(self._read) - length
        can_go_back = self._cache is not None and self._cache.is_croppable and not any(self._cache.is_sliding)
        if not can_go_back:
            self._cache = DynamicCache(config=self._model.config)
        elif surplus:
            self._cache.crop(-surplus)

    def _read_prompt(self, tokens: list[int], check: Callable[[], None]) -> None:
        """Reads all but the last token; that one gives the reply's first."""
        import torch

        while (start := self._cache.get_seq_length()) < len(tokens) - 1:
            check()
            part = tokens[start : min(start + self._part, len(tokens) - 1)]
            # The model without its head: nobody needs the likelihood of what is written already.
            self._model.base_model(
                torch.tensor([part], device=self._device), past_key_values=self._cache, use_cache=True
            )

    def _logits_after(self, token: int) -> Any:
        """Reads a token; returns the likelihood of every one that could come next, [vocabulary]."""
        import torch

        read = self._model(torch.tensor([[token]], device=self._device), past_key_values=self._cache, use_cache=True)
        return read.logits[0, -1]


class _Said:
    """Tells the text of a reply's tokens on, as soon as it is whole characters.

    Attributes:
        tokens: so far.
    """

    def __init__(self, tokenizer: Any, emit: Callable[[str], None]) -> None:
        self._tokenizer, self._emit = tokenizer, emit
        self._context = self._told = 0
        self.tokens: list[int] = []

    def add(self, token: int) -> None:
        """Takes the next token."""
        self.tokens.append(token)
        # Some tokenizers only write a blank before a token that has one before it: it is decoded together with those.
        before = self._decode(self.tokens[self._context : self._told])
        now = self._decode(self.tokens[self._context :])
        if now.endswith("\ufffd"):
            return  # half a character
        self._context, self._told = self._told, len(self.tokens)
        if len(now) > len(before):
            self._emit(now[len(before) :])

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


def _common_length(prompt: list[int], read: list[int]) -> int:
    """How many tokens of the prompt were read already; all but the last one count."""
    length = 0
    for one, other in zip(prompt[:-1], read, strict=False):
        if one != other:
            break
        length += 1
    return length


def _until_next_turn(emit: Callable[[str], None]) -> Callable[[str], None]:
    """Passes text on up to where the model begins to speak for the person."""
    mark = f"\n{NEXT_TURN}"
    beginnings = "|".join(re.escape(mark[:length]) for length in range(1, len(mark)))
    turns = StreamSplitter(re.compile("\n"), re.compile(re.escape(mark)), re.compile(beginnings))

    def end(match: re.Match[str]) -> None:
        raise _ReplyEnded

    return lambda text: turns.push(text, emit, end)


def _choose_device(wanted: str) -> str:
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, is_there in there.items() if is_there)
    if not there[wanted]:
        raise InputError(f"mind.device: expected a device that is there, got '{wanted}'; set it to auto")
    return wanted


def _load_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise InputError(f"{folder}: expected a tokenizer (tokenizer.json), found none; fetch the model again")
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a damaged file can raise anything
        raise InputError(f"{folder}: could not read the tokenizer ({_brief(error)}); fetch the model again") from None


def _load_model(folder: Path, device: str) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    from agent.llm.four_bit_linear import can_pack, pack

    only_here = {"local_files_only": True, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(folder, **only_here)
        group = getattr(config, GROUP_SETTING, None) if device == "cpu" and can_pack() else None
        as_stored = device != "cpu" or group is not None or _computes_as_stored(config)
        dtype = "auto" if as_stored else "float32"
        model, found = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, output_loading_info=True, **only_here)
    except Exception as error:  # a damaged file can raise anything
        raise InputError(f"{folder}: could not read the weights ({_brief(error)}); fetch the model again") from None
    if found["missing_keys"]:
        missing = sorted(found["missing_keys"])
        raise InputError(f"{folder}: {len(missing)} weights are missing ({missing[0]} …); fetch the model again")
    if group is not None:
        pack(model, group)
    return model.to(device).eval()


def _computes_as_stored(config: Any) -> bool:
    """Whether the processor is at home in the precision of the weights.

    With Intel's AMX, bfloat16 reads a prompt four times as fast as float32 does; without, it is the slower one.
    """
    import torch

    return config.dtype is torch.bfloat16 and bool(torch.cpu.get_capabilities().get("amx_bf16"))


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}…"


def load(setup: dict[str, Any]) -> Work:
    """Loads the model in the folder "model" onto "device"; the messages "shortest" are what it must be able to hold.

    With "packaged", "model" is the file of the packaged model of that name, made into a folder first if need be.
    """
    # Before anything is imported that looks at it.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(min(_MOST_THREADS, max(1, cores - 1)))
    folder = Path(setup["model"])
    if setup["packaged"]:
        packaged = find_packaged("transformers", setup["packaged"])
        assert packaged is not None
        folder = chat_folder(packaged, folder)
    model = ChatModel(folder, setup["device"])
    model.check_room(setup["shortest"])

    def answer(call: Call) -> None:
        was_cut = model.reply(
            call.fields["messages"],
            temperature=call.fields["temperature"],
            max_tokens=call.fields["max_tokens"],
            seed=call.fields["seed"],
            emit=lambda text: call.emit({"text": text, "was_cut": False}),
            check=call.check,
        )
        call.emit({"text": "", "was_cut": was_cut})

    return answer


if __name__ == "__main__":
    serve(load)
