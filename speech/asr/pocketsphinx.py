"""Speech recognition with PocketSphinx, in a process of its own."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from speech.asr.process import ProcessASR
from speech.errors import InputError

DEFAULT_PHRASE_WEIGHT = 0.5
"""Share of the phrases against general English."""


class PocketSphinxASR(ProcessASR):
    """PocketSphinx with the wheel's English model: no download, a third of real time on one core.

    Args:
        phrases: what people are likely to ask; heard much better than anything else, which is still heard.
        phrase_weight: how much the phrases count against general English, [0, 1).
        accurate: make PocketSphinx's two further passes after the end of an utterance: fewer errors, but later. For
            recordings, not for conversation.

    Raises:
        InputError: the pocketsphinx package is not installed, or its model can't be loaded (on entering).
    """

    def __init__(
        self,
        *,
        phrases: Sequence[str] = (),
        phrase_weight: float = DEFAULT_PHRASE_WEIGHT,
        accurate: bool = False,
    ) -> None:
        if importlib.util.find_spec("pocketsphinx") is None:
            raise InputError(
                "speech recognition: expected the package pocketsphinx, it is not installed; "
                "run: pip install 'pocketsphinx>=5.1.1,<6'"
            )
        if not 0.0 <= phrase_weight < 1.0:
            raise ValueError(f"phrase_weight: expected a share in [0, 1), got {phrase_weight}")
        super().__init__(
            name="pocketsphinx",
            what="PocketSphinx",
            module="speech.asr.pocketsphinx_worker",
            setup={"phrases": list(phrases), "phrase_weight": phrase_weight, "accurate": accurate},
        )
