"""The settings of a conversation as a whole: where weights come from, its times, its log."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agent.config.section import FilePath, Section


class RingSection(Section):
    """Which ring of parts works.

    Attributes:
        choice: where weights come from for every backend that is left at "auto": "auto" takes fetched ones, else
            packaged ones, else a backend that needs none; "embedded" never takes fetched ones, nor a server;
            "recommended" takes nothing else.
        models: folder of the fetched weights; None for the user's usual data folder.
    """

    choice: Literal["auto", "embedded", "recommended"] = "auto"
    models: FilePath = None


class SessionSection(Section):
    """The conversation as a whole.

    Attributes:
        keep_transcripts: folder for every conversation's turns as JSON lines; None keeps them only beside an output
            file that the user asked for.
        idle_lead_s: seconds of face before the first sound of a file.
        idle_tail_s: seconds of face after the last sound of a file.
        thinking_timeout_s: seconds after which a reply that doesn't come is given up.
        longest_pause_s: seconds after which the rest of a paused answer is given up.
    """

    keep_transcripts: FilePath = None
    idle_lead_s: Annotated[float, Field(ge=0.0, le=10.0)] = 0.4
    idle_tail_s: Annotated[float, Field(ge=0.0, le=10.0)] = 0.6
    thinking_timeout_s: Annotated[float, Field(ge=1.0, le=600.0)] = 20.0
    longest_pause_s: Annotated[float, Field(ge=1.0, le=3600.0)] = 120.0


class MannersSection(Section):
    """How the avatar treats those who talk to it, and whom it answers at all.

    Attributes:
        offer_after_s: seconds of silence after somebody spoke, after which it says once that it is there; 0 for never.
        wake_phrase: nothing that is said is answered until this was heard; "" for none.
        awake_s: seconds after an answer in which somebody may go on without wake phrase or name.
        room: whether only who calls it by its name is answered, or goes on with it.
    """

    offer_after_s: Annotated[float, Field(ge=0.0, le=3600.0)] = 45.0
    wake_phrase: Annotated[str, Field(max_length=40)] = ""
    awake_s: Annotated[float, Field(ge=1.0, le=3600.0)] = 20.0
    room: bool = False


class MemorySection(Section):
    """What is remembered of people who ask for it.

    Attributes:
        keep: "no" remembers nothing; "session" until the conversation ends; "always" in a file on this machine. The
            page's visitors are remembered for their visit at most, a kiosk's not at all.
        person: who talks, where it is always the same: a name; "" to go by what people say.
        folder: where the file lies; None for the user's data folder.
    """

    keep: Literal["no", "session", "always"] = "no"
    person: Annotated[str, Field(max_length=60)] = ""
    folder: FilePath = None


class MetricsSection(Section):
    """Numbers for Prometheus.

    Attributes:
        port: `visavis talk` gives them at http://127.0.0.1:PORT/metrics; 0 for not at all. `visavis serve` has them at
            /metrics of its own address.
    """

    port: Annotated[int, Field(ge=0, le=65535)] = 0


class LogSection(Section):
    """The log of the commands that run unattended: talk, mirror and serve.

    Attributes:
        folder: where visavis.log is written; None for the user's usual state folder.
        level: what is written: "debug", "info", "warning", "error", or "off" for no file.
        format: "text", or "json" for one JSON object a line.
        words: whether the log holds what was said; else it holds only how long it was.
    """

    folder: FilePath = None
    level: Literal["debug", "info", "warning", "error", "off"] = "info"
    format: Literal["text", "json"] = "text"
    words: bool = False
