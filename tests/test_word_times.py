"""Word times from symbols' durations, and estimated from letters."""

import numpy as np
import pytest

from speech.tts.synthesis.word_times import LetterPacer, in_order, words_from_symbols


def bounds(symbols: list[str], samples: int = 10) -> list[int]:
    return [index * samples for index in range(len(symbols) + 1)]


def test_letters_give_exact_times() -> None:
    symbols = list("one two.")
    assert words_from_symbols(["one", "two."], symbols, bounds(symbols)) == [(0, 30), (40, 70)]


def test_blanks_belong_to_nothing() -> None:
    symbols = ["", "a", "", " ", "", "b", "", "c", ""]
    assert words_from_symbols(["a", "bc"], symbols, bounds(symbols)) == [(10, 20), (50, 80)]


def test_words_run_together_are_shared_by_letters() -> None:
    symbols = list("ɡəʊ ɪnðə haʊs")
    times = words_from_symbols(["go", "in", "the", "house"], symbols, bounds(symbols))
    assert times[0] == (0, 30) and times[3] == (90, 130)
    assert times[1] == (40, 56) and times[2] == (56, 80)


def test_a_word_taken_apart_keeps_all_its_parts() -> None:
    symbols = list("ɐ naɪnti naɪn bəluːnz")
    assert words_from_symbols(["a", "ninetynine", "balloons"], symbols, bounds(symbols)) == [
        (0, 10),
        (20, 130),
        (140, 210),
    ]


def test_clauses_hold_the_times_together() -> None:
    # Matched over the whole sentence by length, "no" would take "ɪtɪz" as well.
    symbols = list("noʊ, ɪtɪz ðɪs")
    times = words_from_symbols(["no,", "it", "is", "this"], symbols, bounds(symbols))
    assert times == [(0, 30), (50, 70), (70, 90), (100, 130)]


def test_several_words_written_as_one_and_one_not_spoken() -> None:
    symbols = list("twenty five dollars now")
    times = words_from_symbols(["twenty five dollars", "", "now"], symbols, bounds(symbols))
    assert times == [(0, 190), (200, 200), (200, 230)]


def test_in_order_leaves_no_overlap_and_no_empty_word() -> None:
    assert in_order([(-5, 3), (2, 9), (9, 9), (30, 40)], 0, 12) == [(0, 3), (3, 9), (9, 10), (11, 12)]


@pytest.mark.parametrize("piece", [7, 100, 1_000])
def test_pacer_follows_the_letters_and_skips_silence(piece: int) -> None:
    is_speech = np.ones(1_000, bool)
    is_speech[200:400] = False
    pacer = LetterPacer([2, 2, 4], samples_per_letter=100)
    placed = []
    for start in range(0, 900, piece):
        placed += pacer.push(is_speech[start : min(start + piece, 900)])
    placed += pacer.finish(is_speech[900:])
    assert [number for number, _ in placed] == [0, 1, 2]
    starts = [span[0] for _, span in placed]
    assert starts[0] == 0 and starts[1] == 400  # the silence counts for nothing
    assert placed[2][1] == (900, 1_000)  # kept for the end
    assert all(span[0] < span[1] <= 1_000 for _, span in placed)


def test_words_left_when_the_voice_was_fast_are_said_at_its_end() -> None:
    pacer = LetterPacer([5, 5, 5, 5], samples_per_letter=1_000)
    assert pacer.push(np.ones(400, bool)) == [(0, (0, 400))]
    tail = np.zeros(200, bool)
    tail[:90] = True
    assert pacer.finish(tail) == [(1, (400, 430)), (2, (430, 460)), (3, (460, 490))]


def test_words_left_without_any_sound_still_come_in_order() -> None:
    pacer = LetterPacer([5, 5, 5], samples_per_letter=1_000)
    pacer.push(np.ones(400, bool))
    placed = pacer.finish(np.zeros(100, bool))
    assert [number for number, _ in placed] == [1, 2]
    assert placed[0][1] == (400, 450) and placed[1][1] == (450, 500)
