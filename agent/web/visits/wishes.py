"""What a visitor may choose, and the configuration that follows from it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from agent.config.config import Config


class Wishes(BaseModel):
    """What a visitor chooses when a conversation begins.

    Attributes:
        portrait: a shipped person's name, or the id of an uploaded picture; "" for the configured one.
    """

    model_config = ConfigDict(extra="forbid")

    portrait: str = Field("", max_length=200)


def config_for(config: Config, wishes: Wishes) -> Config:
    """The server's configuration with a visitor's wishes."""
    if wishes.portrait:
        return config.model_copy(update={"portrait": config.portrait.model_copy(update={"path": wishes.portrait})})
    return config
