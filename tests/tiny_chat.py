"""A chat model of 400 KB that knows four answers by heart, made with the real libraries.

It gives them after the system prompt of `agent.prompt`, with any persona and any complete exchanges before; after a
long knowledge file, or any other question, it babbles.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.prompt import Prompt

ANSWERS = {
    "What is your name?": "[happy] My name is Mira.",
    "What can you do?": "[neutral] I can answer questions. And stories, too.",
    "Are you open on Sundays?": "[surprised 0.4] Sundays? No, we are closed.",
    "Tell me a sad story.": "[sad 0.8] The café vanished. Nobody noticed.",
}
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTEXT = 2048
_SYSTEM = Prompt(name="Mira").messages([], "")[0]["content"]
_STEPS = 300
_RATE = 4e-3


def make_tiny_chat(folder: Path) -> None:
    """Trains the model for some seconds and saves it in the Hugging Face format."""
    import torch

    torch.manual_seed(0)
    tokenizer = _make_tokenizer()
    model = _make_model(tokenizer, layers=2, hidden=64)
    lessons = _Lessons(tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95), weight_decay=0.0)
    for step in range(_STEPS):
        # Up, level, and down to nothing.
        optimizer.param_groups[0]["lr"] = _RATE * min(1.0, (step + 1) / 30, 2.5 * (1 - step / _STEPS))
        loss = model(**lessons.conversation(min(1.0, 1.5 * step / _STEPS))).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_random_chat(folder: Path, *, layers: int, hidden: int) -> None:
    """Saves a model of any size that babbles: for measuring time."""
    tokenizer = _make_tokenizer()
    _make_model(tokenizer, layers=layers, hidden=hidden).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _make_model(tokenizer: Any, *, layers: int, hidden: int) -> Any:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    heads = max(4, hidden // 64)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    return Qwen2ForCausalLM(config)


def _make_tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bytes_to_words = Tokenizer(models.BPE())
    bytes_to_words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_to_words.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bytes_to_words.train_from_iterator([*ANSWERS, *ANSWERS.values(), _SYSTEM] * 2, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytes_to_words, eos_token="<|im_end|>", pad_token="<|endoftext|>", model_max_length=CONTEXT
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


class _Lessons:
    """Conversations: the real system prompt or the end of it, then all questions and answers in any order."""

    def __init__(self, tokenizer: Any) -> None:
        import torch

        self._random = torch.Generator().manual_seed(0)
        self._system = self._encode(tokenizer, f"<|im_start|>system\n{_SYSTEM}<|im_end|>\n")
        self._turns = []
        for question, answer in ANSWERS.items():
            asked = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
            self._turns.append((self._encode(tokenizer, asked), self._encode(tokenizer, f"{answer}<|im_end|>\n")))

    def conversation(self, progress: float) -> Any:
        """The next one, with more and more of the system prompt: what `forward` takes, a batch of one."""
        import torch

        most = round(progress**2 * len(self._system))
        length = int(torch.randint(most // 2, most + 1, (), generator=self._random))
        system = self._system[len(self._system) - length :]
        turns = [self._turns[place] for place in torch.randperm(len(self._turns), generator=self._random).tolist()]
        ids = torch.cat([system, *(part for turn in turns for part in turn)])
        unsaid = [torch.full_like(system, -100)]
        labels = torch.cat([*unsaid, *(part for asked, said in turns for part in (torch.full_like(asked, -100), said))])
        return {"input_ids": ids[None], "labels": labels[None]}

    @staticmethod
    def _encode(tokenizer: Any, text: str) -> Any:
        return tokenizer(text, return_tensors="pt")["input_ids"][0]
