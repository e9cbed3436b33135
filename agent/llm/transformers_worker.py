"""The process in which a language model thinks, run by `agent.llm.transformers`.

A call has the fields "conversation" (its number), "messages", "temperature", "max_tokens" and "seed"; it is answered by
items with the next piece of the reply in "text"; the last one says in "was_cut" whether it got too long. Several
conversations are answered token by token in turn. A call with the field "forget" frees what is kept of the conversation
of that number.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from agent.llm.chat_tokens import LEAST_REPLY, NEXT_TURN, Chat, ChatTokens
from agent.llm.conversation_caches import ConversationCaches
from agent.llm.gguf_folder import GROUP_SETTING, chat_folder
from agent.models.packaged_catalogue import find_packaged
from agent.text.stream_splitter import StreamSplitter
from speech.errors import InputError
from speech.worker.cores import usable_cores
from speech.worker.main import Call, Cancelled, Work, serve
from speech.worker.turns import Turns

_READ_AT_ONCE, _READ_AT_ONCE_PACKED = 64, 32
"""Tokens of a prompt that are read in one go: between them others have their turn, and the work can be cancelled. What
was read is kept; with packed weights only in whole parts (see `ConversationCaches`), so that smaller ones cost less."""

MOST_REPLIES = 8
"""Replies that are made at once, each with a cache of its own; a further one waits."""

_MOST_THREADS = 4
_NICENESS = 5
_UNLIMITED = 1 << 20
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model", "vocab.txt", "tekken.json")


class _ReplyEnded(Exception):
    """The model has begun to speak for the person."""


class ChatModel:
    """A causal language model that answers in several conversations, and keeps what it has read in each.

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
        packed = is_packed(self._model)
        self._part = _READ_AT_ONCE_PACKED if packed else _READ_AT_ONCE
        self._caches = ConversationCaches(self._fresh_cache, part=self._part if packed else 1)

    def check_room(self, messages: Chat) -> None:
        """Checks that the model can hold these messages and a short reply.

        Raises:
            InputError: it can't.
        """
        self._chat.encode(messages, max_tokens=LEAST_REPLY)

    def forget(self, conversation: int) -> None:
        """Frees what is kept of a conversation."""
        self._caches.forget(conversation)

    def reply(
        self,
        messages: Chat,
        *,
        conversation: int,
        temperature: float,
        max_tokens: int,
        seed: int,
        emit: Callable[[str], None],
        turn: Callable[[], AbstractContextManager[object]],
    ) -> bool:
        """Answers.

        Args:
            messages: see `agent.llm.prompt.Prompt.messages`.
            conversation: the number of the conversation in which they stand.
            temperature: 0 always says the likeliest.
            max_tokens: longest reply.
            seed: the same seed and messages give the same reply.
            emit: takes each piece of the reply; what it raises ends the work.
            turn: entered for each step; what it raises ends the work.

        Returns:
            Whether the reply was cut off because it got too long.

        Raises:
            InputError: the prompt does not fit.
        """
        import torch

        from agent.llm.token_choice import TokenChoice

        with turn():
            tokens, room, is_reasoning = self._chat.encode(messages, max_tokens)
        if is_reasoning:
            emit("<think>")
        tell = _until_next_turn(emit) if self._chat.is_plain else emit
        said = _Said(self._tokenizer)
        choice = TokenChoice(self._model.generation_config, temperature=temperature, seed=seed, prompt=tokens)
        read = self._caches.begin(conversation, tokens)
        try:
            with torch.inference_mode():
                self._read_prompt(read.cache, tokens, turn)
                token = tokens[-1]
                for _ in range(room):
                    with turn():
                        token = choice.next(self._logits_after(read.cache, token))
                        if token in self._ends:
                            return False
                        text = said.add(token)
                    if text:
                        tell(text)
                return True
        except _ReplyEnded:
            return False
        except Cancelled:
            raise
        except BaseException:  # in the middle of a step: its token may be in some layers only
            self._caches.forget(conversation)
            raise
        finally:
            self._caches.end(conversation, read, [*tokens, *said.tokens], len(tokens))

    def _fresh_cache(self) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=self._model.config)

    def _read_prompt(self, cache: Any, tokens: list[int], turn: Callable[[], AbstractContextManager[object]]) -> None:
        """Reads all but the last token; that one gives the reply's first."""
        import torch

        while (start := cache.get_seq_length()) < len(tokens) - 1:
            with turn():
                part = tokens[start : min(start + self._part, len(tokens) - 1)]
                # The model without its head: nobody needs the likelihood of what is written already.
                self._model.base_model(torch.tensor([part], device=self._device), past_key_values=cache, use_cache=True)

    def _logits_after(self, cache: Any, token: int) -> Any:
        """Reads a token; returns the likelihood of every one that could come next, [vocabulary]."""
        import torch

        read = self._model(torch.tensor([[token]], device=self._device), past_key_values=cache, use_cache=True)
        return read.logits[0, -1]


class _Said:
    """The text of a reply's tokens, as soon as it is whole characters.

    Attributes:
        tokens: so far.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._context = self._told = 0
        self.tokens: list[int] = []

    def add(self, token: int) -> str:
        """Takes the next token; returns the text that is new."""
        self.tokens.append(token)
        # Some tokenizers only write a blank before a token that has one before it: it is decoded together with those.
        before = self._decode(self.tokens[self._context : self._told])
        now = self._decode(self.tokens[self._context :])
        if now.endswith("\ufffd"):
            return ""  # half a character
        self._context, self._told = self._told, len(self.tokens)
        return now[len(before) :]

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


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
    cores = usable_cores()
    torch.set_num_threads(min(_MOST_THREADS, max(1, cores - 1)))
    folder = Path(setup["model"])
    if setup["packaged"]:
        packaged = find_packaged("transformers", setup["packaged"])
        assert packaged is not None
        folder = chat_folder(packaged, folder)
    model = ChatModel(folder, setup["device"])
    model.check_room(setup["shortest"])

    turns, room = Turns(), threading.Semaphore(MOST_REPLIES)

    def answer(call: Call) -> None:
        if "forget" in call.fields:
            model.forget(call.fields["forget"])
            return
        with room:
            was_cut = model.reply(
                call.fields["messages"],
                conversation=call.fields["conversation"],
                temperature=call.fields["temperature"],
                max_tokens=call.fields["max_tokens"],
                seed=call.fields["seed"],
                emit=lambda text: call.emit({"text": text, "was_cut": False}),
                turn=lambda: call.turn(turns),
            )
        call.emit({"text": "", "was_cut": was_cut})

    return answer


if __name__ == "__main__":
    serve(load)
