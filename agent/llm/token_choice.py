"""Which token comes next: the likeliest, or one drawn at random among the likely ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import torch
from torch import Tensor
from transformers import LogitsProcessorList, NoRepeatNGramLogitsProcessor, RepetitionPenaltyLogitsProcessor

_MOST_CANDIDATES = 50
"""Of which one is drawn, where the model says nothing else; as in transformers."""


class TokenChoice:
    """Chooses the tokens of one reply, as the model's own generation_config.json recommends.

    Repetition is only punished within the reply: the person's words may be taken up, and what is said again and again
    in a conversation does not wear out.

    Args:
        recommended: the model's generation config.
        temperature: 0 always takes the likeliest.
        seed: the same seed and prompt give the same reply.
        prompt: the tokens before the reply.
    """

    def __init__(self, recommended: Any, *, temperature: float, seed: int, prompt: Sequence[int]) -> None:
        self._temperature = temperature
        most = recommended.top_k
        self._most = _MOST_CANDIDATES if most is None else most
        self._mass = 1.0 if recommended.top_p is None else recommended.top_p
        self._least = recommended.min_p or 0.0
        self._said: list[int] = []
        self._against_repetition = LogitsProcessorList()
        if (penalty := recommended.repetition_penalty) is not None and penalty != 1.0:
            self._against_repetition.append(RepetitionPenaltyLogitsProcessor(penalty))
        if length := recommended.no_repeat_ngram_size:
            self._against_repetition.append(NoRepeatNGramLogitsProcessor(length))
        # On the CPU, wherever the model is: the same draw everywhere.
        self._random = torch.Generator().manual_seed(crc32(repr((seed, list(prompt))).encode()))

    def next(self, logits: Tensor) -> int:
        """The next token of the reply.

        Args:
            logits: [vocabulary], of what comes after everything so far.
        """
        said = torch.tensor([self._said], dtype=torch.long)
        scores = self._against_repetition(said, logits.float().cpu()[None])[0]
        token = self._drawn(scores) if self._temperature > 0 else int(scores.argmax())
        self._said.append(token)
        return token

    def _drawn(self, scores: Tensor) -> int:
        best, tokens = (scores / self._temperature).topk(min(self._most or len(scores), len(scores)))
        probability = best.softmax(dim=0)
        # The fewest that hold the wanted mass together, and none that is far behind the first.
        probability[probability.cumsum(dim=0) - probability >= self._mass] = 0
        probability[probability < self._least * probability[0]] = 0
        return int(tokens[torch.multinomial(probability, 1, generator=self._random)])
