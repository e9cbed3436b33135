import pytest

from speech.asr.pronunciation import arpabet


@pytest.mark.parametrize(
    ("ipa", "phones"),
    [
        ("wˈaɪfaɪ", "W AY F AY"),
        ("lˈaɪthaʊs", "L AY T HH AW S"),
        ("ˌɛsmɚɹˈældə", "EH S M ER R AE L D AH"),
        ("tʃˈɜːtʃ", "CH ER CH"),
        ("dʒˈɔɪ", "JH OY"),
        ("ɾ ʔ", "T T"),
        ("…", ""),
    ],
)
def test_ipa_becomes_arpabet(ipa: str, phones: str) -> None:
    assert arpabet(ipa) == phones
