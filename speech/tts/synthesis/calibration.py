"""What a voice says to have its own loudness and speed measured, in its own language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from speech.tts.synthesis.loudness import CALIBRATION_TEXT


@dataclass(frozen=True, slots=True)
class Calibration:
    """A sentence of plain words.

    Attributes:
        text: the sentence, with blanks between words.
        wpm_seconds: eSpeak NG's rate times the seconds that it takes for it, the mean at 130, 165 and 200 words a
            minute (they differ by up to 5 %): with it, a rate means the same for all voices of a language.
    """

    text: str
    wpm_seconds: float


_ENGLISH = Calibration(CALIBRATION_TEXT, 455.0)
_CALIBRATIONS: Mapping[str, Calibration] = {
    "cs": Calibration("Dnes svítí slunce a děti si hrají na zahradě.", 475.0),
    "da": Calibration("I dag skinner solen, og børnene leger i haven.", 419.0),
    "de": Calibration("Heute scheint die Sonne, und die Kinder spielen im Garten.", 495.0),
    "el": Calibration("Σήμερα ο ήλιος λάμπει και τα παιδιά παίζουν στον κήπο.", 458.0),
    "es": Calibration("Hoy brilla el sol y los niños juegan en el jardín.", 471.0),
    "fi": Calibration("Tänään aurinko paistaa ja lapset leikkivät puutarhassa.", 605.0),
    "fr": Calibration("Le soleil brille et les enfants jouent dans le jardin.", 362.0),
    "hu": Calibration("Ma süt a nap, és a gyerekek a kertben játszanak.", 507.0),
    "it": Calibration("Oggi splende il sole e i bambini giocano in giardino.", 458.0),
    "nl": Calibration("Vandaag schijnt de zon en de kinderen spelen in de tuin.", 550.0),
    "no": Calibration("I dag skinner solen og barna leker i hagen.", 438.0),
    "pl": Calibration("Dzisiaj świeci słońce, a dzieci bawią się w ogrodzie.", 594.0),
    "pt": Calibration("Hoje o sol brilha e as crianças brincam no jardim.", 491.0),
    "ro": Calibration("Astăzi soarele strălucește și copiii se joacă în grădină.", 601.0),
    "ru": Calibration("Сегодня светит солнце, и дети играют в саду.", 444.0),
    "sv": Calibration("I dag skiner solen och barnen leker i trädgården.", 541.0),
    "tr": Calibration("Bugün güneş parlıyor ve çocuklar bahçede oynuyor.", 565.0),
    "uk": Calibration("Сьогодні світить сонце, і діти граються в саду.", 705.0),
    "zh": Calibration("今天 阳光 明媚， 孩子们 在 花园 里 玩耍。", 751.0),
}


def calibration_of(language: str) -> Calibration:
    """The sentence of a language such as "de" or "de-at"; the English one for those that have none."""
    return _CALIBRATIONS.get(language.partition("-")[0].lower(), _ENGLISH)
