"""How a word that the dictionary lacks is said: eSpeak NG's English phonemes written in ARPAbet."""

from __future__ import annotations

from speech.tts.synthesis.espeak_engine import espeak_engine

_ARPABET = {
    # Longest first wins: diphthongs and r-coloured vowels before their parts. en-us as eSpeak NG 1.52 writes it.
    "aɪɚ": "AY ER", "aɪə": "AY AH", "aʊɚ": "AW ER", "eɪ": "EY", "aɪ": "AY", "ɔɪ": "OY", "oʊ": "OW", "əʊ": "OW",
    "aʊ": "AW", "tʃ": "CH", "dʒ": "JH", "iə": "IY AH", "ɪɹ": "IH R", "ɛɹ": "EH R", "ɔːɹ": "AO R", "oːɹ": "AO R",
    "ɑːɹ": "AA R", "ʊɹ": "UH R", "ɜː": "ER", "ɚ": "ER", "ɝ": "ER", "iː": "IY", "uː": "UW", "ɑː": "AA", "ɔː": "AO",
    "oː": "AO", "əl": "AH L", "n̩": "AH N", "l̩": "AH L",
    "i": "IY", "ɪ": "IH", "ɛ": "EH", "e": "EY", "æ": "AE", "a": "AE", "ɐ": "AH", "ʌ": "AH", "ə": "AH", "ᵻ": "IH",
    "ɑ": "AA", "ɒ": "AA", "ɔ": "AO", "o": "OW", "ʊ": "UH", "u": "UW", "y": "UW", "ø": "ER", "œ": "ER",
    "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "g": "G", "f": "F", "v": "V", "θ": "TH", "ð": "DH",
    "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH", "m": "M", "n": "N", "ŋ": "NG", "l": "L", "ɫ": "L", "ɬ": "L",
    "ɹ": "R", "r": "R", "ɾ": "T", "j": "Y", "w": "W", "ʍ": "W", "x": "K", "ç": "HH", "ɣ": "G", "ʔ": "T",
}  # fmt: skip

_LONGEST = max(map(len, _ARPABET))


def arpabet(ipa: str) -> str:
    """Rewrites eSpeak NG's IPA in the 39 phonemes of the CMU dictionary; stress and unknown marks are left out."""
    plain = ipa.replace("ˈ", "").replace("ˌ", "")
    phones: list[str] = []
    at = 0
    while at < len(plain):
        for length in range(min(_LONGEST, len(plain) - at), 0, -1):
            if (found := _ARPABET.get(plain[at : at + length])) is not None:
                phones.append(found)
                break
        else:
            length = 1
        at += length
    return " ".join(phones)


def pronounce(word: str) -> str:
    """Returns an American English word's phones, separated by spaces; "" when there is nothing to say in it.

    Raises:
        ImportError: the espeakng-loader package is not installed.
        InputError: eSpeak NG can't be loaded.
    """
    engine = espeak_engine()
    return arpabet(engine.worker.submit(engine.ipa, word, "en-us").result())
