"""All sections together, and where their values came from; config.toml says the same to the user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ConfigDict

from agent.config.descriptor import Descriptor, Settings
from agent.config.device_sections import CameraSection, DevicesSection, MqttSection, WindowSection
from agent.config.face_sections import ControlsSection, FaceSection, OutputSection, PortraitSection
from agent.config.plugins import Plugins
from agent.config.section import Section
from agent.config.session_sections import (
    LogSection,
    MannersSection,
    MemorySection,
    MetricsSection,
    RingSection,
    SessionSection,
)
from agent.config.speech_sections import EarsSection, ListeningSection, MindSection, VoiceSection
from agent.config.web_sections import TutorSection, WebSection


class Sections(Section):
    """All sections of a configuration file, each optional there."""

    ring: RingSection = RingSection()
    portrait: PortraitSection = PortraitSection()
    ears: EarsSection = EarsSection()
    listening: ListeningSection = ListeningSection()
    mind: MindSection = MindSection()
    voice: VoiceSection = VoiceSection()
    face: FaceSection = FaceSection()
    controls: ControlsSection = ControlsSection()
    output: OutputSection = OutputSection()
    devices: DevicesSection = DevicesSection()
    camera: CameraSection = CameraSection()
    window: WindowSection = WindowSection()
    mqtt: MqttSection = MqttSection()
    web: WebSection = WebSection()
    tutor: TutorSection = TutorSection()
    memory: MemorySection = MemorySection()
    session: SessionSection = SessionSection()
    manners: MannersSection = MannersSection()
    metrics: MetricsSection = MetricsSection()
    log: LogSection = LogSection()


@dataclass(frozen=True, slots=True)
class SettingsSource:
    """Where a configuration came from.

    Attributes:
        file: the file read, and why that one.
        settings: "section.key" → where its value was set ("config.toml, line 12"), for those that were set.
    """

    file: str = "built-in defaults"
    settings: Mapping[str, str] = field(default_factory=dict)

    def of(self, key: str) -> str:
        """Where the value of "section.key" was set."""
        return self.settings.get(key, "default")


class Config(Sections):
    """A whole configuration: the sections, where they came from, and what installed packages add to them."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    source: SettingsSource = SettingsSource()
    plugins: Plugins = Plugins()

    def settings_of(self, descriptor: Descriptor[Settings]) -> Settings:
        """The settings of a backend or an output: a whole section of ours, or the own one of an installed package's."""
        own = getattr(self, descriptor.section, None) or self.plugins.settings.get(descriptor.section)
        return own if isinstance(own, descriptor.settings) else descriptor.settings()

    def text_of(self, name: str) -> str:
        """A section, with those of installed packages in it, as text that differs where anything differs."""
        own = {key: value for key, value in self.plugins.settings.items() if key.startswith(f"{name}.")}
        return " ".join([getattr(self, name).model_dump_json(), *(f"{key}={own[key]!r}" for key in sorted(own))])


KEYS: Mapping[str, type[Section]] = {
    f"{name}.{key}": model
    for name, section in Sections.model_fields.items()
    if isinstance(model := section.annotation, type) and issubclass(model, Section)
    for key in model.model_fields
}
"""Every "section.key" of ours → the section's model."""
