"""What configuration knows of a backend or an output without importing it: its name, and settings of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

from agent.config.section import Section

Kind = Literal["ears", "mind", "voice", "output"]

SECTION_OF: Mapping[Kind, str] = {"ears": "ears", "mind": "mind", "voice": "voice", "output": "outputs"}
"""Kind → the section that the ones of installed packages stand in: [voice.NAME]."""

Settings = TypeVar("Settings", bound=Section)


@dataclass(frozen=True, kw_only=True)
class Descriptor(Generic[Settings]):
    """What is known of a backend or an output before it is made; nothing heavy is imported for it.

    Attributes:
        name: as the configuration calls it.
        about: what it is, in a few words.
        settings: the model of its settings; `NoSettings` where it has none.
        shared_section: the section that is all of that model, for ours; "" for one of its own, [KIND.NAME].
        extra: the extra of our package that installs what it needs; "" where nothing beyond ours is needed.
        module: what can be imported once that is installed; "" where nothing shows it.
        programs: names of programs of which it needs one; empty where it needs none.
    """

    kind: ClassVar[Kind]
    name: str
    about: str
    settings: type[Settings]
    shared_section: str = ""
    extra: str = ""
    module: str = ""
    programs: tuple[str, ...] = ()

    @property
    def section(self) -> str:
        """Where its settings are: "voice", "camera", or "voice.NAME"."""
        return self.shared_section or f"{SECTION_OF[self.kind]}.{self.name}"
