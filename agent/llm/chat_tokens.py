"""A conversation as the tokens that a chat model expects: its own template, or plain text where it has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from speech.errors import InputError

NEXT_TURN = "User:"
"""In plain text, the model has begun to speak for the person where a line starts with this."""

LEAST_REPLY = 32
"""Tokens that must be left for the reply."""

Chat = Sequence[Mapping[str, Any]]


class ChatTokens:
    """Turns messages into tokens.

    Args:
        tokenizer: of transformers.
        context: tokens that the model can hold, prompt and reply together.

    Attributes:
        is_plain: the model has no chat template.
    """

    def __init__(self, tokenizer: Any, context: int) -> None:
        self._tokenizer, self._context = tokenizer, context
        self._special = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
        self.is_plain = tokenizer.chat_template is None

    def encode(self, messages: Chat, max_tokens: int) -> tuple[list[int], int, bool]:
        """The tokens of a prompt; the oldest exchanges are left out until it fits.

        Args:
            messages: the system's, then user and assistant in turns, the user's last.
            max_tokens: longest reply wanted.

        Returns:
            The tokens, how many the reply may have, and whether the reply begins inside a <think> block.

        Raises:
            InputError: even the question alone does not fit.
        """
        chat = [{"role": message["role"], "content": self._clean(message["content"])} for message in messages]
        while True:
            text = self._text(chat)
            tokens: list[int] = self._tokenizer(text, add_special_tokens=self.is_plain)["input_ids"]
            room = self._context - len(tokens)
            if room >= max_tokens or (len(chat) <= 2 and room >= min(LEAST_REPLY, max_tokens)):
                return tokens, min(room, max_tokens), text.rstrip().endswith("<think>")
            if len(chat) <= 2:
                raise InputError(
                    f"the model holds {self._context} tokens, persona, knowledge and question have {len(tokens)}; "
                    "take a shorter persona or knowledge file, or a model with a longer context"
                )
            del chat[1:3]  # a question and its answer

    def _clean(self, content: str) -> str:
        """Nobody ends a turn, or begins one as the system, by writing the model's own marks."""
        for mark in self._special:
            content = content.replace(mark, "")
        return content

    def _text(self, chat: list[dict[str, str]]) -> str:
        if self.is_plain:
            lines = [chat[0]["content"], ""]
            lines += [f"{'User' if one['role'] == 'user' else 'Assistant'}: {one['content']}" for one in chat[1:]]
            return "\n".join([*lines, "Assistant:"])
        from jinja2 import TemplateError

        try:
            return self._fill_in(chat)
        except TemplateError:  # several models know no system role
            first = {"role": "user", "content": f"{chat[0]['content']}\n\n{chat[1]['content']}"}
            return self._fill_in([first, *chat[2:]])

    def _fill_in(self, chat: Chat) -> str:
        # Qwen 3 and its like reason first unless told not to: too slow for a conversation. Others ignore it.
        filled: str = self._tokenizer.apply_chat_template(
            chat, add_generation_prompt=True, tokenize=False, enable_thinking=False
        )
        return filled
