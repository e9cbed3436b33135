"""What a peer's offer must be like, looked at before anything is opened for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from aiortc.sdp import SessionDescription

from agent.text.foreign_text import shortened
from speech.errors import InputError

LONGEST = 64_000
"""Characters of an offer; a browser's has 3,000 to 8,000."""

MOST_CANDIDATES = 100
"""Addresses of a peer; each would be tried."""

CODECS = {"audio": "opus", "video": "VP8"}
"""What we send, by the kind of media."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer that can be answered.

    Attributes:
        sdp: as it came.
        has_audio: whether there is a line for sound, in whichever direction.
        has_video: likewise for pictures.
    """

    sdp: str
    has_audio: bool
    has_video: bool


def read_offer(sdp: str) -> Offer:
    """Checks an offer.

    Raises:
        InputError: it is no SDP offer of WebRTC, or nothing in it can be answered.
    """
    if len(sdp) > LONGEST:
        raise InputError(f"expected an SDP offer of at most {LONGEST} characters, got {len(sdp)}")
    try:
        description = SessionDescription.parse(sdp)
    except Exception as error:  # the parser says what is wrong by whatever happens to fail
        raise InputError(f"expected an SDP offer, got something else: {_short(sdp)}") from error
    media = description.media
    kinds = Counter(line.kind for line in media)
    if not kinds["audio"] and not kinds["video"]:
        raise InputError("expected an SDP offer with a line for audio or video, got neither")
    if set(kinds) - {"audio", "video", "application"} or max(kinds.values()) > 1:
        found = ", ".join(f"{count} {shortened(kind, 20)}" for kind, count in list(kinds.items())[:5])
        raise InputError(
            f"expected an SDP offer with at most one line each for audio, video and application, got {found}"
        )
    for line in media:
        ice, dtls = line.ice, line.dtls
        if not (ice and ice.usernameFragment and ice.password and dtls and dtls.fingerprints):
            raise InputError(f"expected ICE credentials and a DTLS fingerprint for {line.kind}, got an offer without")
        if len(line.ice_candidates) > MOST_CANDIDATES:
            raise InputError(f"expected at most {MOST_CANDIDATES} ICE candidates, got {len(line.ice_candidates)}")
        if line.kind in CODECS:
            wanted, offered = CODECS[line.kind], [codec.name for codec in line.rtp.codecs]
            if wanted.lower() not in (name.lower() for name in offered):
                got = _short(" ".join(offered))
                raise InputError(f"expected {wanted} among the offer's {line.kind} codecs, got {got}")
            if not line.rtcp_mux:
                raise InputError(f"expected rtcp-mux for {line.kind}, got an offer without")
    return Offer(sdp, bool(kinds["audio"]), bool(kinds["video"]))


def _short(text: str) -> str:
    return repr(shortened(text, 60)) if text.strip() else "nothing"
