"""A mind that remembers: wraps another one, keeps what people ask it to, says and forgets it when they ask.

What is said is only a proposal: a session may begin a reply in a pause and throw it away. So something is kept, or
forgotten, when the words that say so begin to be heard (`Remembering.on_event`), and not before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from agent.conversation.events import ConversationForgotten, Event, Problem, TurnFinished
from agent.database.notebook import Notebook, open_notebook
from agent.llm.base import Conversation, Message
from agent.llm.knowledge_file import in_words
from agent.memory.replies import Replies
from agent.memory.state import Asked, MemoryPolicy, Proposal, State
from agent.memory.store import Memories
from agent.text.same_words import begins_with, same_words
from agent.text.sentences import Sentence

_ENDS_SENTENCE = "[neutral]"
"""What was said before a feeling is not meant by it: the sentence is spoken without waiting for more."""


class Remembering:
    """One conversation that remembers; `remembering` makes it.

    Args:
        mind: a conversation with the mind, for everything else.
        notebook: open; what is kept. Where nothing is kept, that is said to whoever asks for it.
        lasts: whether what is kept outlives the conversation.
        policy: how somebody is remembered.
        on_event: called with what the session tells.

    Attributes:
        name: the mind's.
        on_forgotten: called when what was said in this conversation is to be forgotten.
    """

    def __init__(
        self,
        mind: Conversation,
        notebook: Notebook[Memories],
        *,
        lasts: bool,
        policy: MemoryPolicy,
        on_event: Callable[[Event], None],
    ) -> None:
        self.name = mind.name
        self.on_forgotten: Callable[[], None] = lambda: None
        self._mind, self._notebook, self._tell = mind, notebook, on_event
        self._replies = Replies(notebook, policy, lasts=lasts)
        self._state = State(person=policy.person if notebook.is_open else "", is_kept=bool(policy.person))
        self._proposal: Proposal | None = None
        self._passed_on = ""

    @property
    def known_name(self) -> str:
        """Who talks, as they said; "" where that is not known or nothing is remembered."""
        return self._state.person

    def claims(self, words: str) -> bool:
        """Whether words that may mean something else are for the memory: "Forget that", once it has kept something."""
        return self._state.last is not None and self._replies.forgets_last(words)

    async def stream(self, history: Sequence[Message], text: str) -> AsyncGenerator[str, None]:
        """Answers `text`; see `agent.llm.base.Conversation.stream`."""
        proposal = self._proposal = await self._replies.proposed(self._state, text)
        self._passed_on = "" if proposal is not None else text
        if proposal is not None:
            async for delta in in_words(proposal.reply):
                yield delta
            if proposal.write is not None:
                yield f" {_ENDS_SENTENCE}"
                await proposal.heard.wait()
                assert proposal.written is not None
                if not await asyncio.shield(proposal.written):
                    async for delta in in_words(f"{self._replies.failed(proposal)} "):
                        yield delta
            if not proposal.rest:
                return
            yield " "
        asked = proposal.rest if proposal is not None else text
        if background := await self._replies.background(self._state):
            history = [Message("user", background, is_background=True), *history]
        async with aclosing(self._mind.stream(history, asked)) as deltas:
            async for delta in deltas:
                yield delta

    def on_event(self, event: Event) -> None:
        """Sees what happens in the session, and passes it on: what begins to be heard counts. Never waits."""
        proposal = self._proposal
        if isinstance(event, Sentence) and proposal is not None and begins_with(proposal.reply, event.text):
            self._proposal = None
            self._move_to(proposal)
        elif isinstance(event, TurnFinished) and self._passed_on and same_words(event.record.question, self._passed_on):
            # The avatar had asked something, and this was no answer: the question is over.
            self._state = replace(self._state, asked=Asked.NOTHING, waits=None)
        self._tell(event)

    def _move_to(self, proposal: Proposal) -> None:
        """What was proposed is heard: it is so from now on."""
        self._state = proposal.state
        if proposal.write is not None:
            proposal.written = self._notebook.write(proposal.write)
            if proposal.written is None:  # too much waits
                proposal.written = asyncio.get_running_loop().create_future()
                proposal.written.set_result(False)
        if proposal.forgets:
            self.on_forgotten()
            self._tell(ConversationForgotten())
        proposal.heard.set()


@asynccontextmanager
async def remembering(
    mind: Conversation,
    memories: Memories | None,
    *,
    policy: MemoryPolicy,
    on_event: Callable[[Event], None],
) -> AsyncGenerator[Remembering, None]:
    """A mind that remembers; what is to be kept is written before it ends.

    Args:
        mind: a conversation with the mind.
        memories: None where nothing is kept.
        policy: how somebody is remembered.
        on_event: called with what the session tells, and with problems.
    """
    try:
        async with open_notebook(memories, lambda problem: on_event(Problem(problem))) as notebook:
            lasts = memories is not None and memories.lasts
            yield Remembering(mind, notebook, lasts=lasts, policy=policy, on_event=on_event)
    finally:
        if memories is not None:
            memories.close()
