"""What a sound file is made of: usually one container; chained Ogg files are several, and a tag may stand before it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from speech.errors import InputError
from speech.files.input_file import check_input_file
from speech.files.media import lacks_moov_box, open_media
from speech.files.ogg_links import ogg_links
from speech.files.sound_packets import Block, Gap, SoundPackets

_SOUND_FILE = "a sound file"
_FORMATS = "sound (WAV, FLAC, MP3, OGG, M4A …)"

_ID3_HEADER_BYTES = 10
_UNTAGGED = (b"RIFF", b"RIFX", b"FORM", b"OggS", b"caff", b".snd")
"""What containers begin with that FFmpeg does not look for behind an ID3 tag."""

_KNOW_THEIR_LENGTH = {"mov,mp4,m4a,3gp,3g2,mj2", "wav", "flac", "aiff", "caf", "w64", "ogg"}
"""FFmpeg's names of formats that say how long their sound is; for others it estimates."""

_CUT_S, _CUT_SHARE, _CUT_AT_MOST = 0.09, 0.01, 20.0
"""Sound that is shorter than declared by this much, and this share, is cut off; if it is shorter by more than the last
factor, whoever wrote the file did not know its length and declared the largest."""

_LEAST_BITS_PER_S = 500.0
"""Below this a declared length is no length, but such a placeholder."""

_BLOCK_FRAMES = 1 << 16


def read_sound_blocks(path: Path, longest_h: float, notice: Callable[[str], None]) -> Iterator[Block | Gap]:
    """Everything that a file holds of sound, in order.

    Args:
        path: the file.
        longest_h: hours of sound that are read; a file that declares more is refused at once.
        notice: called with what the owner should know, without the file's name.

    Raises:
        InputError: no file, or nothing in it that can be decoded.
    """
    size = check_input_file(path, _SOUND_FILE)
    start, head = _container_start(path, size)
    if head[:4] == b"RIFX":
        yield from _big_endian_wav(path, start)
        return
    links = ogg_links(path, start, size) if head[:4] == b"OggS" else [(start, size)]
    has_sound, failure = False, ""
    for link in links:
        found, failed = yield from _container(path, link, longest_h, notice)
        has_sound, failure = has_sound or found, failure or failed
        if not found and len(links) > 1:
            notice(f"one of the {len(links)} recordings joined in it can't be read")
    if has_sound:
        return
    if failure:
        raise InputError(f"{path}: expected {_FORMATS}, could not decode it: {failure}")
    raise InputError(f"{path}: expected {_SOUND_FILE}, it holds no samples")


def _container(
    path: Path, link: tuple[int, int], longest_h: float, notice: Callable[[str], None]
) -> Generator[Block | Gap, None, tuple[bool, str]]:
    """One container's sound. Returns whether there was any, and what went wrong, if something did."""
    import av

    read_s, declared_s = 0.0, None
    packets: SoundPackets | None = None
    try:
        with open_media(path, _SOUND_FILE, part=link) as container:
            packets = SoundPackets(container, path)
            declared_s = packets.declared_s if container.format.name in _KNOW_THEIR_LENGTH else None
            _check_length(path, packets.declared_s, link[1] - link[0], longest_h)
            for part in packets:
                if isinstance(part, Block) or read_s > 0.0:
                    read_s += part.length_s
                yield part
    except (av.FFmpegError, OSError, ValueError) as error:
        if packets is None:
            reason = str(getattr(error, "strerror", None) or error)
            return False, "its table of contents (moov) is missing: it was cut off, or never finished" if (
                lacks_moov_box(path, link)
            ) else reason
        packets.failure = packets.failure or str(error)
    if declared_s is not None and _is_truncated(read_s, declared_s):
        notice(f"it holds {read_s:.1f} s of {declared_s:.1f} s: it is damaged, or cut off")
    for leap_s in packets.leaps:
        notice(f"its time stamps leap ahead by {leap_s:.0f} s; the sound goes on without a gap")
    return read_s > 0.0, packets.failure


def _check_length(path: Path, declared_s: float | None, size: int, longest_h: float) -> None:
    if declared_s is not None and declared_s > longest_h * 3600 and size * 8 > _LEAST_BITS_PER_S * declared_s:
        raise InputError(
            f"{path}: expected at most {longest_h} hours of sound, got {declared_s / 3600:.1f}; cut it into parts"
        )


def _is_truncated(read_s: float, declared_s: float) -> bool:
    missing_s = declared_s - read_s
    return missing_s > max(_CUT_S, _CUT_SHARE * declared_s) and declared_s < _CUT_AT_MOST * read_s


def _container_start(path: Path, size: int) -> tuple[int, bytes]:
    """Where the container begins, behind an ID3 tag that FFmpeg would stumble over, and its first bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
            if head[:3] != b"ID3":
                return 0, head
            start = _ID3_HEADER_BYTES + sum(
                (byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False)
            )
            file.seek(start)
            behind = file.read(16)
    except OSError as error:
        raise InputError(f"{path}: expected {_SOUND_FILE}, could not read it: {error.strerror}") from None
    known = start < size and (behind.startswith(_UNTAGGED) or behind[4:8] == b"ftyp")
    return (start, behind) if known else (0, head)


def _big_endian_wav(path: Path, start: int) -> Iterator[Block]:
    """WAV as it was written on big-endian machines (RIFX): FFmpeg takes its samples for little-endian ones."""
    import soundfile

    try:
        with path.open("rb") as file:
            file.seek(start)
            with soundfile.SoundFile(file) as sound:
                if sound.frames <= 0:
                    raise InputError(f"{path}: expected {_SOUND_FILE}, it holds no samples")
                names = tuple(str(channel) for channel in range(sound.channels))
                for block in sound.blocks(_BLOCK_FRAMES, dtype="float32", always_2d=True):
                    yield Block(block.T, sound.samplerate, names)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise InputError(f"{path}: expected {_FORMATS}, could not decode it: {error}") from None
