from pathlib import Path

import numpy as np
import pocketsphinx
import pytest

from speech.asr.language_model import TrigramModel, phrase_words

WHEEL_MODEL = Path(pocketsphinx.get_model_path("en-us")) / "en-us.lm.bin"
PHRASES = [
    "what are your opening hours",
    "where is the zyxomat of esmeralda",
    "thank you",
    "thank you very much",
]
LOG = float(np.log(1.0001))


@pytest.fixture(scope="module")
def general() -> TrigramModel:
    return TrigramModel.read(WHEEL_MODEL)


@pytest.fixture(scope="module")
def bent(general: TrigramModel) -> TrigramModel:
    return general.bend([phrase.split() for phrase in PHRASES], 0.5)


class Judge:
    """PocketSphinx's own reading of a model file."""

    def __init__(self, path: Path) -> None:
        decoder = pocketsphinx.Decoder(lm=None, loglevel="FATAL")
        self._keep = decoder
        self._model = pocketsphinx.NGramModel(decoder.config, decoder.logmath, str(path))

    def log_prob(self, *words: str) -> float:
        """Natural logarithm of the last word's probability after the others."""
        return float(self._model.prob(list(reversed(words)))) * LOG


def ours(model: TrigramModel, *words: str) -> float:
    numbers = [model.words.index(word) for word in words]
    return model.log_prob(numbers[:-1], numbers[-1])


@pytest.fixture(scope="module")
def judges(bent: TrigramModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[Judge, Judge]:
    path = tmp_path_factory.mktemp("models") / "bent.lm.bin"
    bent.write(path)
    return Judge(WHEEL_MODEL), Judge(path)


def test_writing_and_reading_changes_nothing(general: TrigramModel, tmp_path: Path) -> None:
    general.write(tmp_path / "again.lm.bin")
    again = TrigramModel.read(tmp_path / "again.lm.bin")
    assert again.words == general.words
    for name in ("unigrams", "tables", "bigrams", "trigrams"):
        one, other = getattr(again, name), getattr(general, name)
        if name == "unigrams":
            one, other = one[["prob", "backoff"]], other[["prob", "backoff"]]
        assert np.array_equal(one, other), name


def test_pocketsphinx_reads_the_same_probabilities(
    general: TrigramModel, bent: TrigramModel, judges: tuple[Judge, Judge]
) -> None:
    random = np.random.default_rng(3)
    for model, judge in zip((general, bent), judges, strict=True):
        for row in random.integers(0, model.trigrams.shape[1], 300):
            last_two, first, _ = model.trigrams[:, row]
            words = [model.words[n] for n in (first, model.bigrams[1, last_two], model.bigrams[0, last_two])]
            assert judge.log_prob(*words) == pytest.approx(ours(model, *words), abs=0.01), words


def test_phrases_become_likely(judges: tuple[Judge, Judge]) -> None:
    general, bent = judges
    for words in (
        ["your", "opening", "hours"],
        ["<s>", "what", "are"],
        ["thank", "you", "</s>"],
        ["are", "your", "opening"],
    ):
        assert bent.log_prob(*words) >= general.log_prob(*words)
        assert bent.log_prob(*words) > np.log(0.1), words


def test_new_words_are_known_and_likely_only_where_they_belong(judges: tuple[Judge, Judge]) -> None:
    _, bent = judges
    assert bent.log_prob("is", "the", "zyxomat") > np.log(0.05)
    assert bent.log_prob("cat", "ate", "zyxomat") < np.log(0.01)


def test_everything_else_stays_as_it_was(judges: tuple[Judge, Judge]) -> None:
    general, bent = judges
    for words in (["the", "birch", "canoe"], ["he", "said", "that"], ["what", "is", "time"], ["you", "want", "to"]):
        assert bent.log_prob(*words) == pytest.approx(general.log_prob(*words), abs=1e-6), words


def test_no_probability_above_one(bent: TrigramModel) -> None:
    assert (bent.unigrams["prob"] <= 0).all()
    assert ours(bent, "<s>", "thank", "you") <= 0


def test_says_what_it_can_not_read(tmp_path: Path) -> None:
    path = tmp_path / "other.lm"
    path.write_text("\\data\\\nngram 1=3\n")
    with pytest.raises(ValueError, match="binary trigram model"):
        TrigramModel.read(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What's on in 1874?", "what's on in eighteen seventy four"),
        ("Café, 3rd floor", "cafe third floor"),
        ("Is there Wi-Fi?", "is there wi fi"),
        ("What is Visavis, OK?", "what is visavis ok"),
        ("‘Who’ are they", "who are they"),
        ("¿?", ""),
    ],
)
def test_phrases_are_cut_into_words_as_said(text: str, words: str) -> None:
    assert " ".join(phrase_words(text)) == words
