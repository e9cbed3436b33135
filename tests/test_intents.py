"""What people say of the conversation itself, and what only sounds like it: labelled by hand before any pattern was."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.intents.consent import consents
from agent.intents.intent import Intent, Kind
from agent.intents.understood import intent_of

LABELLED = Path(__file__).parent / "data" / "intents.tsv"


def _labelled() -> list[tuple[str, str, str]]:
    lines = LABELLED.read_text("utf-8").splitlines()
    return [(*line.split("\t"),) for line in lines if not line.startswith("#")]  # type: ignore[misc]


def _label(intent: Intent | None) -> str:
    if intent is None:
        return "-"
    return f"{intent.kind.name}={intent.what}" if intent.what else intent.kind.name


def test_utterances_are_understood_and_questions_are_left_alone() -> None:
    missed = [
        (language, wanted, got, said)
        for language, wanted, said in _labelled()
        if (got := _label(intent_of(said, language, "Mira"))) != wanted
    ]
    assert missed == []


def test_every_kind_is_understood_in_every_language() -> None:
    found = {(language, wanted.partition("=")[0]) for language, wanted, _ in _labelled()}
    kinds = {kind.name for kind in Kind} - {"RECALL"}
    assert {(language, kind) for language in ("en", "de", "fr", "es", "it") for kind in kinds} - found == set()


@pytest.mark.parametrize("question_file", ["paraphrases/questions.tsv", "paraphrases/fresh.tsv"])
def test_no_real_question_is_taken_for_an_intent(question_file: str) -> None:
    path = Path(__file__).parent.parent / "benchmarks" / question_file
    questions = [line.split("\t")[-1] for line in path.read_text("utf-8").splitlines()[1:]]
    assert len(questions) > 50
    assert [question for question in questions if intent_of(question, "en", "Mira") is not None] == []


def test_the_language_may_be_unknown_or_have_a_country() -> None:
    assert intent_of("Noch mal, bitte.", "de-AT") == intent_of("Noch mal, bitte.", "") == Intent(Kind.REPEAT)
    assert intent_of("Stop!", "ja") == Intent(Kind.STOP)


def test_a_long_utterance_is_for_the_mind() -> None:
    assert intent_of("stop " * 100, "en") is None


@pytest.mark.parametrize(
    ("language", "agrees", "refuses", "neither"),
    [
        (
            "en",
            ("Yes, please!", "Um, yeah.", "Oh, all right.", "Why not?", "Okay, do that"),
            ("No, thank you.", "I'd rather not.", "Please don’t.", "I do not.", "Not now.", "I would rather not"),
            ("What?", "Nothing in particular", "Yesterday", ""),
        ),
        (
            "de",
            ("Ja, gern.", "Äh, klar", "In Ordnung"),
            ("Nein.", "Lieber nicht!", "Natürlich nicht."),
            ("Jawort", "Was?"),
        ),
        ("fr", ("Oui !", "D’accord", "Euh, bien sûr."), ("Non merci", "Bien sûr que non"), ("Pourquoi ?",)),
        ("es", ("¡Sí!", "Si", "Claro."), ("No, gracias", "Claro que no."), ("Si no es mucho", "¿Por qué?")),
        ("it", ("Sì, certo", "Allora va bene", "si."), ("No.", "Certo che no"), ("Si vede", "Perché?")),
    ],
)
def test_an_answer_agrees_or_refuses_by_how_it_begins(
    language: str, agrees: tuple[str, ...], refuses: tuple[str, ...], neither: tuple[str, ...]
) -> None:
    said = {True: agrees, False: refuses, None: neither}
    assert {answer: [one for one in said[answer] if consents(one, language) is not answer] for answer in said} == {
        True: [],
        False: [],
        None: [],
    }


def test_english_answers_are_understood_beside_another_language() -> None:
    assert consents("Yes.", "de", "en") and consents("Nope", "de", "en") is False and consents("Yes.", "de") is None
