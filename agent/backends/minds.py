"""The minds, one line each; their classes are imported only when one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.backends.descriptor import MindBackend, MindContext
from agent.config.config import Config
from agent.config.speech_sections import MindSection
from agent.models.packaged_catalogue import find_packaged
from agent.models.weights import resolve_weights
from agent.personas import name_of
from speech.errors import InputError

if TYPE_CHECKING:
    from agent.knowledge.file import Knowledge
    from agent.llm.base import LLM
    from agent.llm.knowledge_file import KnowledgeLLM


def make_knowledge(config: Config, knowledge: Knowledge) -> KnowledgeLLM:
    """The mind that answers from the knowledge file."""
    from agent.llm.knowledge_file import KnowledgeLLM

    return KnowledgeLLM(knowledge, name=name_of(config))


def _transformers(context: MindContext[MindSection]) -> LLM:
    from agent.llm.transformers import TransformersLLM

    mind = context.settings
    weights = resolve_weights(context.config, "transformers", mind.model)
    return TransformersLLM(
        model=weights.path,
        name=name_of(context.config),
        persona=mind.persona,
        knowledge=context.knowledge,
        device=mind.device,
        temperature=mind.temperature,
        max_tokens=mind.max_tokens,
        seed=mind.seed,
        packaged=find_packaged("transformers", weights.name) if weights.source == "packaged" else None,
    )


def _openai(context: MindContext[MindSection]) -> LLM:
    mind = context.settings
    if not mind.base_url:
        raise InputError(
            'mind.base_url: expected a server such as "http://127.0.0.1:11434/v1" for the backend openai, got none'
        )
    from agent.llm.openai import OpenAILLM

    return OpenAILLM(
        base_url=mind.base_url,
        api_key_env=mind.api_key_env,
        model=mind.model,
        name=name_of(context.config),
        persona=mind.persona,
        knowledge=context.knowledge,
        temperature=mind.temperature,
        max_tokens=mind.max_tokens,
    )


MINDS: tuple[MindBackend[MindSection], ...] = (
    MindBackend(
        name="knowledge",
        about="answers from the knowledge file",
        settings=MindSection,
        shared_section="mind",
        rank=lambda config: 1,
        reason=lambda config: "no language model's weights were fetched and no server is named",
        make=lambda context: make_knowledge(context.config, context.knowledge),
    ),
    # The packaged language model is small, and wrong about facts: it answers only where it is asked to.
    MindBackend(
        name="transformers",
        about="SmolLM2 from a package, or a chat model in the Hugging Face format, on the CPU or a GPU",
        cost="1 GB; fetched ones 4 GB and more",
        settings=MindSection,
        shared_section="mind",
        extra="transformers",
        module="transformers",
        needs="weights",
        rank=lambda config: 1,
        packaged_for_auto=False,
        make=_transformers,
    ),
    MindBackend(
        name="openai",
        about="a language model of any server that speaks OpenAI's protocol (Ollama, llama.cpp, vLLM, …)",
        cost="`mind.base_url`",
        settings=MindSection,
        shared_section="mind",
        extra="openai",
        module="openai",
        needs="server",
        rank=lambda config: 1,
        reason=lambda config: "mind.base_url names a server" if config.mind.base_url else "",
        make=_openai,
    ),
)
