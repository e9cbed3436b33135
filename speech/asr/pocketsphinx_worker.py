"""The process in which PocketSphinx listens: it holds Python's lock while it works, so it needs its own interpreter.

Run by `speech.asr.pocketsphinx` as `python -m speech.asr.pocketsphinx_worker`; what it says is in `speech.asr.process`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speech.asr.language_model import TrigramModel, phrase_words
from speech.asr.pronunciation import pronounce
from speech.files.scratch import scratch_folder
from speech.worker.main import Call, Work, serve
from speech.worker.turns import Turns

_FIRST_MEAN = "52.3,3.9,6.9,22,-0.2,0.5,5.7,-5.4,-1.8,-2.2,6.9,2.9,1.3"
"""Mean cepstrum that each utterance begins from: the average of three of Flite's voices reading. PocketSphinx's own
default ("40,3,-1") expects quieter, duller sound, and makes several times as many errors on short questions. It is the
same for every utterance: what was said before must not change what is understood now."""

_DOUBTFUL, _FEW_WORDS, _DOUBTFUL_FEW = 0.35, 3, 0.1
"""Words whose posterior probability is below the first on average were as good as made up; of at most so many words the
average says little, and only the last counts. tests/test_doubtful_words.py holds what was measured."""


MOST_LISTENERS = 4
"""Utterances that are heard at once: each one after the first takes 65 MB and a second to load."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How the worker is to listen.

    Attributes:
        phrases: what people are likely to say.
        phrase_weight: how much the phrases count against general English, [0, 1).
        accurate: also make PocketSphinx's second and third pass after the end: fewer errors, later.
    """

    phrases: list[str] = field(default_factory=list)
    phrase_weight: float = 0.0
    accurate: bool = False


class Listener:
    """PocketSphinx with the wheel's English model, one utterance at a time.

    Args:
        setup: how to listen.
        like: another one with this setup, whose language model it shares.
    """

    def __init__(self, setup: Setup, *, like: Listener | None = None) -> None:
        from pocketsphinx import Decoder

        self._decoder: Any = Decoder(
            lm=None, samprate=16000, loglevel="FATAL", fwdflat=setup.accurate, bestpath=setup.accurate
        )
        self._added: dict[str, str] = {}
        if like is None:
            self._language = self._language_of(setup)
        else:
            self._language = like._language
            for word, phones in like._added.items():
                self._add(word, phones)
        self._decoder.add_lm("words", self._language)
        self._decoder.activate_search("words")
        self._is_open = False
        self._searches_accurately = setup.accurate

    def _language_of(self, setup: Setup) -> Any:
        """General English, bent towards the phrases."""
        from pocketsphinx import NGramModel, get_model_path

        model = Path(get_model_path("en-us"))
        phrases = [words for phrase in setup.phrases if (words := phrase_words(phrase))]
        general = model / "en-us.lm.bin"
        with scratch_folder() as folder:
            language = folder / "bent.lm.bin"
            if phrases and setup.phrase_weight > 0.0:
                phrases = self._sayable(phrases, model / "cmudict-en-us.dict")
                TrigramModel.read(general).bend(phrases, setup.phrase_weight).write(language)
            else:
                language = general
            return NGramModel(self._decoder.config, self._decoder.logmath, str(language))

    def _sayable(self, phrases: list[list[str]], dictionary: Path) -> list[list[str]]:
        """Gives words that the dictionary lacks a pronunciation; phrases with unsayable words are left out."""
        unknown = {word for phrase in phrases for word in phrase if self.pronunciation(word) is None}
        if not unknown:
            return phrases
        joined = _joined_words(dictionary)
        unsayable = set()
        for word in sorted(unknown):
            phones = joined.get(word) or pronounce(word)
            if phones:
                self._add(word, phones)
            else:
                unsayable.add(word)
        return [phrase for phrase in phrases if not unsayable.intersection(phrase)]

    def _add(self, word: str, phones: str) -> None:
        self._added[word] = phones
        self._decoder.add_word(word, phones, False)  # False: the search over the words is built later, once

    def start(self) -> None:
        """Begins an utterance; an open one is thrown away."""
        self.cancel()
        self._decoder.set_cmn(_FIRST_MEAN)
        self._decoder.start_utt()
        self._is_open = True

    def hear(self, pcm: bytes) -> str:
        """Listens on: int16 samples at 16 kHz. Returns the words so far."""
        self._decoder.process_raw(pcm)
        return self._words()

    def finish(self) -> str:
        """Ends the utterance. Returns its words."""
        self._decoder.end_utt()
        self._is_open = False
        return self._words()

    def is_doubtful(self) -> bool:
        """Whether other words than the finished utterance's were about as likely; only the accurate search knows.

        Singing, music and other languages fit no words well, and each of many alternatives is then a little likely.
        """
        if not self._searches_accurately:
            return False
        found = [float(piece.prob) for piece in self._decoder.seg() if plain_words(piece.word)]
        if not found:
            return False
        return sum(found) / len(found) < (_DOUBTFUL if len(found) > _FEW_WORDS else _DOUBTFUL_FEW)

    def cancel(self) -> None:
        """Throws an open utterance away."""
        if self._is_open:
            self._decoder.end_utt()
            self._is_open = False

    def pronunciation(self, word: str) -> str | None:
        """The phones of a word it can hear, separated by spaces; None for one that it can't."""
        phones: str | None = self._decoder.lookup_word(word)
        return phones

    def _words(self) -> str:
        hypothesis = self._decoder.hyp()
        return plain_words(hypothesis.hypstr) if hypothesis else ""


def _joined_words(dictionary: Path) -> dict[str, str]:
    """Pronunciations of the dictionary's hyphenated words written without hyphens: "visavis" from "vis-a-vis"."""
    lines = (line.split(None, 1) for line in dictionary.read_text("utf-8").splitlines() if "-" in line)
    return {fields[0].replace("-", ""): fields[1] for fields in lines if len(fields) == 2}


def plain_words(hypothesis: str) -> str:
    """Takes fillers (<sil>, [NOISE], ++BREATH++) and the numbers of alternative pronunciations ("the(2)") out."""
    words = (word.split("(")[0] for word in hypothesis.lower().split())
    return " ".join(word for word in words if word and word[0] not in "<[+")


class Listeners:
    """As many as there are utterances at once, up to `MOST_LISTENERS`; a further utterance waits for one.

    Args:
        setup: how to listen.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._first = Listener(setup)
        self._idle = [self._first]
        self._room = threading.Semaphore(MOST_LISTENERS)

    @contextmanager
    def free(self) -> Iterator[Listener]:
        """One that hears no other utterance."""
        with self._room:
            try:
                listener = self._idle.pop()
            except IndexError:
                listener = Listener(self._setup, like=self._first)
            try:
                yield listener
            finally:
                listener.cancel()
                self._idle.append(listener)


def load(setup: dict[str, Any]) -> Work:
    """Loads the models; the setup's fields are `Setup`'s."""
    listeners, turns = Listeners(Setup(**setup)), Turns()

    def hear(call: Call) -> None:
        with listeners.free() as listener:
            listener.start()
            for pcm in call.incoming():
                with call.turn(turns):
                    words = listener.hear(pcm)
                call.emit({"text": words})
            with call.turn(turns):
                words = listener.finish()
            call.emit({"text": words, "is_final": True, "is_doubtful": listener.is_doubtful()})

    return hear


if __name__ == "__main__":
    serve(load)
