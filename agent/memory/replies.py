"""What is said to somebody who wants something remembered, told or forgotten; nothing is done yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agent.database.notebook import Notebook
from agent.memory.state import Asked, MemoryPolicy, Proposal, State
from agent.memory.store import LONGEST_FACT, Fact, Memories
from agent.memory.understanding import (
    Forget,
    ForgetSome,
    Named,
    Recall,
    RecallSome,
    Remember,
    RememberMe,
    Understanding,
    Understood,
)
from agent.memory.wording import Wording, wording_of


class Replies:
    """Proposes replies; it keeps no state, so that a reply may be thrown away.

    Args:
        notebook: open; what is kept. Where nothing is kept, that is said to whoever asks for it.
        lasts: whether what is kept outlives the conversation.
        policy: how somebody is remembered.
    """

    def __init__(self, notebook: Notebook[Memories], policy: MemoryPolicy, *, lasts: bool) -> None:
        self._notebook, self._policy, self._lasts = notebook, policy, lasts

    async def proposed(self, state: State, text: str) -> Proposal | None:
        """What is said to `text`; None where it is the mind's.

        Args:
            state: who is there.
            text: what they have just said.
        """
        understood = self._understanding.wish_in(text)
        if not self._notebook.is_open:
            return self._nothing_is_kept(understood)
        if state.asked is Asked.CONSENT and (agrees := self._understanding.consents(text)) is not None:
            if agrees:
                return self._met(state, state.person, (), "met_kept")
            return Proposal(self._wording.say("declined"), State(person=state.person))
        if state.asked in (Asked.NAME_TO_KEEP, Asked.NAME_TO_RECALL):
            if understood is None or isinstance(understood.wish, Named):
                if name := self._understanding.name_in(text):
                    return await self._named(state, name, "")
                if self._understanding.consents(text) is False:
                    return Proposal(self._wording.say("declined"), State())
        return await self._granted(state, understood, text) if understood is not None else None

    def _nothing_is_kept(self, understood: Understood | None) -> Proposal | None:
        match understood:
            case Understood(Remember(is_asked=True) | RememberMe() | Recall.ALL | Forget.ALL):
                reply = self._wording.say("kiosk" if self._policy.is_public else "off")
                return Proposal(reply, State(), forgets=understood.wish is Forget.ALL, rest=understood.rest)
        return None

    async def _granted(self, before: State, understood: Understood, text: str) -> Proposal | None:
        state = replace(before, asked=Asked.NOTHING, waits=None)
        match understood.wish:
            case Named(name):
                return await self._named(before, name, understood.rest)
            case RememberMe():
                return self._met(state, state.person, (), "met_kept") if state.person else self._ask_name("who", None)
            case Remember(fact, is_asked):
                return self._kept(state, fact, text if not is_asked else understood.rest, is_asked=is_asked)
            case Recall() | RecallSome():
                return await self._recalled(state, understood.wish)
            case Forget() | ForgetSome():
                return await self._forgotten(state, understood.wish)
        return None

    async def _named(self, before: State, name: str, rest: str) -> Proposal:
        """Somebody says who they are."""
        waits = (before.waits,) if before.waits is not None else ()
        known = await self._notebook.read(lambda kept: kept.known(name), "")
        if known:
            greeting = self._wording.say("still" if known == before.person else "again", name=known)
            if waits:
                return self._met(before, known, waits, "", greeting=greeting)
            state = State(person=known, is_kept=True)
            if before.asked is Asked.NAME_TO_RECALL:
                greeting = f"{greeting} {await self._all_of(known)}"
            return Proposal(greeting, state, rest=rest)
        if waits or before.asked is Asked.NAME_TO_KEEP:
            return self._met(before, name, waits, "met_kept")
        if not self._lasts:
            return self._met(before, name, (), "met", rest=rest)
        if rest:
            return Proposal(self._wording.say("met", name=name), State(person=name), rest=rest)
        return Proposal(self._wording.say("meet", name=name), State(person=name, asked=Asked.CONSENT))

    def _met(
        self, before: State, name: str, facts: Sequence[Fact], act: str, *, greeting: str = "", rest: str = ""
    ) -> Proposal:
        """Somebody is to be remembered from now on, with what they said before they gave their name."""
        said = [
            greeting or self._wording.say(act, name=name),
            *(self._wording.fact(self._keeps, fact) for fact in facts),
        ]
        state = State(person=name, is_kept=True, last=facts[-1] if facts else None)
        nameless = not before.person  # what was kept before the name was known is theirs

        def keep(kept: Memories) -> None:
            kept.keep(name, *(kept.facts("") if nameless else ()), *facts)

        return Proposal(" ".join(said), state, keep, rest=rest)

    def _ask_name(self, act: str, waits: Fact | None) -> Proposal:
        asked = Asked.NAME_TO_RECALL if act == "who_are_you" else Asked.NAME_TO_KEEP
        return Proposal(self._wording.say(act), State(asked=asked, waits=waits))

    def _kept(self, state: State, fact: Fact, rest: str, *, is_asked: bool) -> Proposal | None:
        """Something is to be remembered; what was only said is, where the person is remembered already."""
        if not fact.said or not (is_asked or state.is_kept):
            return None
        if len(fact.said) > LONGEST_FACT:
            return Proposal(self._wording.say("too_long"), state) if is_asked else None
        if self._lasts and not state.person:
            return self._ask_name("who", fact)
        return Proposal(
            self._wording.fact(self._keeps, fact),
            State(person=state.person, is_kept=True, last=fact),
            lambda kept: kept.keep(state.person, fact),
            rest=rest if is_asked or self._policy.chats else "",  # a language model has something to say to a liking
        )

    async def _recalled(self, state: State, wish: Recall | RecallSome) -> Proposal | None:
        facts = await self._facts(state.person)
        if isinstance(wish, RecallSome):
            # A language model has all of it before it.
            found = [] if self._policy.chats else self._understanding.about(wish.question, facts)
            return Proposal(self._wording.fact("answer", found[0]), replace(state, last=found[0])) if found else None
        if not state.person and (wish is Recall.NAME or not facts):
            return self._ask_name("who_are_you", None)
        if wish is Recall.NAME:
            return Proposal(self._wording.say("name_is", name=state.person), state)
        if wish is Recall.ALL:
            return Proposal(await self._all_of(state.person), state)
        likings = [fact for fact in facts if fact.kind == "liking"]
        return Proposal(self._wording.told(likings), replace(state, last=likings[-1])) if likings else None

    async def _all_of(self, person: str) -> str:
        facts = await self._facts(person)
        asked, known = await self._notebook.read(lambda kept: kept.learned(person), (0, 0))
        said = [self._wording.say("name_is", name=person)] if person else []
        said.append(self._wording.told(facts) or self._wording.say("nothing"))
        if asked:
            said.append(self._wording.say("learned", asked=asked, known=known))
        return " ".join(said)

    async def _forgotten(self, state: State, wish: Forget | ForgetSome) -> Proposal | None:
        person, facts = state.person, await self._facts(state.person)
        if wish is Forget.ALL:
            if not person and not facts:
                return Proposal(self._wording.say("nobody"), State(), forgets=True)
            reply = self._wording.say("all_forgotten")

            def forget(kept: Memories) -> None:
                kept.forget(person)
                kept.forget("")  # what was kept before the name was known

            return Proposal(reply, State(), forget, "not_forgotten", forgets=True)
        if isinstance(wish, ForgetSome):
            unwanted = self._understanding.about(wish.topic, facts)
        else:
            unwanted = [state.last] if state.last is not None else []
        if not unwanted:
            return None
        return Proposal(
            self._wording.say("forgotten"),
            replace(state, last=None),
            lambda kept: [kept.forget_fact(person, fact) for fact in unwanted],
            "not_forgotten",
            forgets=True,
        )

    def forgets_last(self, text: str) -> bool:
        """Whether it asks to forget what was kept last."""
        understood = self._understanding.wish_in(text)
        return understood is not None and understood.wish is Forget.LAST

    def failed(self, proposal: Proposal) -> str:
        """What is said where a proposal that was heard could not be carried out."""
        return self._wording.say(proposal.if_not)

    async def background(self, state: State) -> str:
        """What a language model is to know of the person; "" for nothing."""
        if not self._notebook.is_open or not state.is_kept:
            return ""
        return self._wording.context(state.person, await self._facts(state.person))

    @property
    def _understanding(self) -> Understanding:
        return Understanding(self._policy.language(), self._policy.name)

    @property
    def _wording(self) -> Wording:
        return wording_of(self._understanding.code)

    @property
    def _keeps(self) -> str:
        return "kept" if self._lasts else "kept_for_now"

    async def _facts(self, person: str) -> list[Fact]:
        return await self._notebook.read(lambda kept: kept.facts(person), list[Fact]())
