"""What is known of a backend or an output before it is made: all else derives from it, for ours and for others'.

Configuration takes names and settings from it, `auto` its order and reasons, the doctor what is installed and what is
not, `visavis voices` its voices. Adding one is a descriptor in the table of its kind (`ears`, `minds`, `voices`,
`outputs`), or in an installed package (`agent.config.plugins`), and the class that it makes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, Literal

from agent.config.config import Config
from agent.config.descriptor import Descriptor, Kind, Settings

if TYPE_CHECKING:
    from agent.knowledge.file import Knowledge
    from agent.llm.base import LLM
    from avatar.outputs.base import Output
    from avatar.portrait.portrait import Portrait
    from speech.asr.base import ASR
    from speech.tts.base import TTS, Voice


@dataclass(frozen=True, slots=True)
class EarsContext(Generic[Settings]):
    """What a recogniser is made from.

    Attributes:
        config: the whole configuration.
        settings: its own part of it.
        phrases: what it expects more than other words.
        accurate: for recordings: fewer errors, but later.
    """

    config: Config
    settings: Settings
    phrases: Sequence[str]
    accurate: bool


@dataclass(frozen=True, slots=True)
class MindContext(Generic[Settings]):
    """What a mind is made from.

    Attributes:
        config: the whole configuration.
        settings: its own part of it.
        knowledge: what it is to know.
    """

    config: Config
    settings: Settings
    knowledge: Knowledge


@dataclass(frozen=True, slots=True)
class VoiceContext(Generic[Settings]):
    """What a synthesiser is made from.

    Attributes:
        config: the whole configuration; what `voice.voice` means is already in its other keys.
        settings: its own part of it.
    """

    config: Config
    settings: Settings


@dataclass(frozen=True, slots=True)
class OutputContext(Generic[Settings]):
    """What an output is made from.

    Attributes:
        config: the whole configuration.
        settings: its own part of it.
        is_live: whether frames come at their own pace, and nobody may wait; else as fast as they are made.
        portrait: the face; None where none was loaded.
        video: the file that was asked for; None for none.
        motion_csv: likewise.
        publish_motion: takes a message for the MQTT broker, without waiting; None without a connection.
        on_key: called with a key ("space", "escape", "q") and whether it went down, on a thread of the output's.
        on_close: called, on such a thread, when the user has closed a window.
    """

    config: Config
    settings: Settings
    is_live: bool
    portrait: Portrait | None = None
    video: Path | None = None
    motion_csv: Path | None = None
    publish_motion: Callable[[bytes], None] | None = None
    on_key: Callable[[str, bool], None] = lambda name, pressed: None
    on_close: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Finding:
    """What the doctor finds of one.

    Attributes:
        status: "ok"; "missing": not there; "broken": there, but of no use.
        detail: what was found, or what is wrong.
        fix: the command that mends it; "" if there is nothing to do.
        name: of what was looked for; "" for the descriptor's own.
    """

    status: Literal["ok", "missing", "broken"]
    detail: str
    fix: str = ""
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Checked(Descriptor[Settings]):
    """What the doctor looks for beyond packages and programs.

    Attributes:
        files: the files that it can't do without, beside weights that `visavis fetch` or a package brings.
        check: a look at what its settings name (a device, a server), which may take a second; None for nothing.
    """

    files: Callable[[Settings], Sequence[Path]] = lambda settings: ()
    check: Callable[[Config, Settings], Finding | None] | None = None


@dataclass(frozen=True, kw_only=True)
class Backend(Checked[Settings]):
    """Ears, a mind or a voice.

    Attributes:
        needs: "weights" (fetched, from a package, or at a path), "server", or "" for neither. `auto` takes a server
            that is named, else weights that are here, else what needs none. An installed package's backend brings its
            own weights along, and needs "" or a server.
        rank: its place among those with the same needs, the lowest first; None: `auto` doesn't take it, as it does no
            backend of an installed package that doesn't ask for it.
        packaged_for_auto: whether `auto` takes its packaged weights, too.
        reason: of one without weights: why it serves these settings; "" where it doesn't.
        cost: what it needs beyond packages, in words: memory, a GPU, a server.
    """

    needs: Literal["weights", "server", ""] = ""
    rank: Callable[[Config], int | None] = lambda config: None
    packaged_for_auto: bool = True
    reason: Callable[[Config], str] = lambda config: "nothing else is here"
    cost: str = ""


@dataclass(frozen=True, kw_only=True)
class EarsBackend(Backend[Settings]):
    """A recogniser.

    Attributes:
        make: makes it, not yet entered; what is heavy is imported there.
    """

    kind: ClassVar[Kind] = "ears"
    make: Callable[[EarsContext[Settings]], ASR]


@dataclass(frozen=True, kw_only=True)
class MindBackend(Backend[Settings]):
    """A mind.

    Attributes:
        make: makes it, not yet entered; what is heavy is imported there.
    """

    kind: ClassVar[Kind] = "mind"
    make: Callable[[MindContext[Settings]], LLM]


@dataclass(frozen=True, kw_only=True)
class VoiceBackend(Backend[Settings]):
    """A synthesiser.

    Attributes:
        make: makes it, not yet entered; what is heavy is imported there.
        voices: its voices on this machine, called as `voice.voice` takes them.
        has_speakers: whether its voices are the speakers of a model: any name may be one, and they are listed where it
            is chosen.
        qualified: what a voice of its own, named "ENGINE:NAME", means for the keys of [voice].
        unqualified: the same of a name alone; None where it is none of its own.
        taken: the voice that settings take, as in the list; None for the one that is named, else the portrait's.
    """

    kind: ClassVar[Kind] = "voice"
    make: Callable[[VoiceContext[Settings]], TTS]
    voices: Callable[[VoiceContext[Settings]], Sequence[Voice]] = lambda context: ()
    has_speakers: bool = False
    qualified: Callable[[str], Mapping[str, str]] = lambda name: {"voice": name}
    unqualified: Callable[[str], Mapping[str, str] | None] = lambda name: None
    taken: Callable[[VoiceContext[Settings]], str] | None = None


def _is_enabled(context: OutputContext[Settings]) -> bool:
    return bool(getattr(context.settings, "enabled", False))


@dataclass(frozen=True, kw_only=True)
class OutputDescriptor(Checked[Settings]):
    """Somewhere that frames, sound and motion go.

    Attributes:
        make: makes it, not yet entered; what is heavy is imported there.
        is_wanted: whether it takes part; where its settings say `enabled`, if it doesn't say otherwise.
        is_required: whether nothing begins without it (a file that was asked for); else the user reads that it
            can't be had, and the rest goes on.
        is_live_only: whether frames are of use to it at their own pace only, as to a camera.
    """

    kind: ClassVar[Kind] = "output"
    make: Callable[[OutputContext[Settings]], Output]
    is_wanted: Callable[[OutputContext[Settings]], bool] = _is_enabled
    is_required: bool = False
    is_live_only: bool = False
