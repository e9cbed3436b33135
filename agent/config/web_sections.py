"""The settings of the web page and of lessons."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo

from agent.config.section import LONGEST_TEXT, FilePath, Section, located

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]


class WebSection(Section):
    """The page that `visavis serve` shows.

    Attributes:
        host: the address that it listens at; anything but this machine's own wants a token and TLS.
        port: of that address.
        token_env: environment variable that holds the token which visitors from elsewhere must have.
        tls_certificate: PEM file of the certificate chain; None for HTTP.
        tls_key: PEM file of its key.
        behind_proxy: a proxy on this machine (Caddy, nginx) has the TLS, and says who the visitor is.
        hosts: names by which visitors may call the server, separated by spaces, beside its own address.
        embed_origins: origins whose pages may embed ours or use the API, separated by spaces.
        sessions: conversations at once; 0 for as many as this machine was measured to hold when it started.
        waiting: visitors who may wait for a place.
        resume_s: a visitor whose connection broke may come back for so long.
        idle_leave_s: a visitor who says, types and touches nothing for so long makes room where somebody waits.
        idle_reset_s: a kiosk forgets a conversation in which nothing happened for so long.
        uploads: whether visitors may bring a portrait.
        upload_mb: at most so large.
        kiosk: the page fills the screen, without settings.
        stun_server: such as "stun:stun.example.org:3478"; "" for none, which does on one network.
        turn_server: such as "turn:turn.example.org:3478"; "" for none.
        turn_username: at the TURN server.
        turn_credential_env: environment variable that holds its password.
    """

    host: Text = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    token_env: Text = "VISAVIS_WEB_TOKEN"
    tls_certificate: FilePath = None
    tls_key: FilePath = None
    behind_proxy: bool = False
    hosts: Text = ""
    embed_origins: Text = ""
    sessions: Annotated[int, Field(ge=0, le=1000)] = 0
    waiting: Annotated[int, Field(ge=0, le=10_000)] = 20
    resume_s: Annotated[float, Field(ge=0.0, le=3600.0)] = 30.0
    idle_leave_s: Annotated[float, Field(ge=5.0, le=86_400.0)] = 120.0
    idle_reset_s: Annotated[float, Field(ge=5.0, le=86_400.0)] = 60.0
    uploads: bool = True
    upload_mb: Annotated[int, Field(ge=1, le=300)] = 20
    kiosk: bool = False
    stun_server: Text = ""
    turn_server: Text = ""
    turn_username: Text = ""
    turn_credential_env: Text = "VISAVIS_TURN_CREDENTIAL"


def _located_lesson(value: object, info: ValidationInfo) -> object:
    """Like `located`, but a bare word such as "english" is the name of a shipped lesson and stays as it is."""
    if isinstance(value, str) and not all(letter.isalnum() or letter in "-_" for letter in value):
        return str(located(value, info) or "")
    return value


class TutorSection(Section):
    """Lessons.

    Attributes:
        lesson: the name of a shipped lesson, or the absolute path of a Markdown file; "" for a conversation.
        learner: who learns, if that is known: a name, or any id; "" to go by what they say.
        remember: whether progress is remembered: "ask" asks the learner, "yes" where they agreed already, "no" never.
        progress: folder in which it is remembered; None for the user's data folder.
    """

    lesson: Annotated[str, Field(max_length=LONGEST_TEXT), BeforeValidator(_located_lesson)] = ""
    learner: Annotated[str, Field(max_length=60)] = ""
    remember: Literal["ask", "yes", "no"] = "ask"
    progress: FilePath = None
