"""Brings a model to this machine. Nothing else in the program downloads anything."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.models.catalogue import Model
from agent.models.download import CHUNK_BYTES, PAUSES_S, check, receive
from agent.models.download_sources import Checksum, FileSource, Folder, RemoteFile, Web
from agent.models.fetched import folder_of, megabytes
from agent.models.listing import Listing, list_files, listing_of
from agent.models.manifest import MANIFEST, FileRecord, Manifest, is_name, read_manifest, write_manifest
from speech.errors import InputError
from speech.files.draft import Draft

_MOST_FILES = 100
# Weights hardly shrink in an archive: to a half at best. What becomes more is a bomb.
_MOST_UNPACKED, _UNPACKED_ANYWAY_BYTES = 4, 10_000_000

Report = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes of it that are here, and the bytes that it will have, if that is known."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A model that is now here, whole and checked.

    Attributes:
        model: which one.
        path: what its backend is given.
        size: bytes.
        licence: as its source states it.
        checked_by: "its source's checksums", or what was compared instead.
        was_here: whether it was here before, and has only been checked.
    """

    model: Model
    path: Path
    size: int
    licence: str
    checked_by: str
    was_here: bool


def fetch(
    model: Model,
    folder: Path,
    report: Report,
    *,
    source_folder: Path | None = None,
    pauses_s: tuple[float, ...] = PAUSES_S,
) -> Fetched:
    """Fetches one model, or mends it, or checks it where it is whole already.

    Args:
        model: which one.
        folder: the models' folder.
        report: called with how far it is.
        source_folder: the models' folder of another machine, or one with the files as they are published.
        pauses_s: see `agent.models.download.receive`.

    Raises:
        InputError: see `agent.models.download.receive` and `agent.models.listing.list_files`; or the disk has no room.
    """
    place = folder_of(folder, model.backend, model.name)
    manifest = _whole(place, report)
    if manifest is not None:
        return _fetched(model, place, manifest, "the checksums of when it was fetched", was_here=True)
    listing, source = _where_from(model, folder, source_folder)
    _make_room(place, listing, model)
    records = {}
    for file in listing.files:
        records[file.path] = _bring(file, place, source, report, pauses_s)
    by = "its source's checksums" if all(file.checksum for file in listing.files) else "its length"
    if listing.is_archive:
        archive = place / listing.files[0].path
        records = _unpack(archive, place, report)
        by = "the archive's own checksums (its source states none)"
    manifest = Manifest(
        model.title, str(model.source), listing.revision, listing.licence or model.licence, listing.entry, records
    )
    write_manifest(place, manifest)
    if listing.is_archive:
        archive.unlink(missing_ok=True)
    return _fetched(model, place, manifest, by, was_here=False)


def _fetched(model: Model, place: Path, manifest: Manifest, by: str, *, was_here: bool) -> Fetched:
    size = sum(record.size for record in manifest.files.values())
    return Fetched(model, place / manifest.entry, size, manifest.licence, by, was_here)


def kept_bytes(folder: Path, model: Model) -> int:
    """What is here of a model whose fetching was stopped, in bytes."""
    place = folder_of(folder, model.backend, model.name)
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


def _whole(place: Path, report: Report) -> Manifest | None:
    """The manifest, if every file is as it says; what differs is removed, and so is then the manifest."""
    try:
        manifest = read_manifest(place)
    except InputError:
        manifest = None
    for path, record in manifest.files.items() if manifest else ():
        file = place / path
        report(f"checking {path}", 0, record.size)
        if file.is_file() and file.stat().st_size == record.size and check(file, _sha256(record))[1]:
            continue
        manifest = None
        file.unlink(missing_ok=True)
    if manifest is None:
        for leftover in place.glob(f"{MANIFEST}*"):
            leftover.unlink()
    return manifest


def _sha256(record: FileRecord) -> Checksum:
    return Checksum("sha256", record.sha256)


def _where_from(model: Model, folder: Path, source_folder: Path | None) -> tuple[Listing, FileSource]:
    if source_folder is None:
        return list_files(model), Web()
    if not source_folder.is_dir():
        found = "a file" if source_folder.exists() else "nothing"
        raise InputError(f"--from {source_folder}: expected a folder with models, found {found}")
    place = folder_of(source_folder, model.backend, model.name)
    if place.resolve() == folder_of(folder, model.backend, model.name).resolve():
        raise InputError(f"--from {source_folder}: expected another folder than the one that models are fetched to")
    manifest = read_manifest(place)
    # What OpenAI states needs no network, and is worth more than what another machine wrote down.
    if manifest is not None and model.source.kind != "url-with-sha256":
        listing = listing_of(manifest)
    else:
        try:
            listing = list_files(model)
        except InputError as error:
            if manifest is not None:
                raise
            raise InputError(f"--from {source_folder}: found no {MANIFEST} in {place}, and {error}") from None
    published = source_folder / model.source.name.rpartition("/")[2]
    return listing, Folder((place, source_folder / place.name, published, source_folder))


def _make_room(place: Path, listing: Listing, model: Model) -> None:
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{place}: expected a folder for the model, could not make it: {error.strerror}") from None
    sizes = [file.size for file in listing.files]
    size = model.size if None in sizes else sum(size for size in sizes if size)
    if listing.is_archive:
        size *= 2
    free = shutil.disk_usage(place).free
    missing = size - sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    if missing > free:
        raise InputError(
            f"{place}: expected {megabytes(missing)} free on the disk for {model.title}, found {megabytes(free)}; "
            "make room, or name another place with --models"
        )


def _bring(
    file: RemoteFile, place: Path, source: FileSource, report: Report, pauses_s: tuple[float, ...]
) -> FileRecord:
    target = place / file.path
    if target.is_file() and file.checksum and file.size in (None, target.stat().st_size):
        report(f"checking {file.path}", 0, file.size)
        sha256, is_right = check(target, file.checksum)
        if is_right:
            return FileRecord(target.stat().st_size, sha256)

    def progress(here: int, total: int | None) -> None:
        report(file.path, here, total)

    sha256 = receive(file, target, source, progress, pauses_s=pauses_s)
    return FileRecord(target.stat().st_size, sha256)


def _unpack(archive: Path, place: Path, report: Report) -> dict[str, FileRecord]:
    """Unpacks the files of an archive side by side into a folder; their checksums in the archive are compared.

    Raises:
        InputError: it is no ZIP archive, or damaged; it is removed.
    """
    records = {}
    try:
        with zipfile.ZipFile(archive) as packed:
            for name, entry in _entries(packed, archive.stat().st_size).items():
                report(f"unpacking {name}", 0, entry.file_size)
                with Draft(place / name) as draft:
                    with packed.open(entry) as stream, draft.path.open("wb") as out:
                        shutil.copyfileobj(stream, out, CHUNK_BYTES)
                    sha256, _ = check(draft.path, None)
                records[name] = FileRecord(entry.file_size, sha256)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        archive.unlink()
        raise InputError(
            f"{archive.name}: expected a ZIP archive, got something damaged ({error}); removed it, run it again"
        ) from None
    except OSError as error:
        raise InputError(f"{place}: could not unpack {archive.name} there: {error.strerror or error}") from None
    if "config.json" not in records:
        raise InputError(f"{archive.name}: expected a voice with its config.json, found {', '.join(records) or 'none'}")
    return records


def _entries(packed: zipfile.ZipFile, archive_bytes: int) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive by the names that they get, whatever folders they name.

    Raises:
        zipfile.BadZipFile: two of one name, a link, names that are none, or more than weights ever become.
    """
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in packed.infolist():
        # A PyTorch file that older releases call .pth.tar is no archive.
        name = entry.filename.rpartition("/")[2].removesuffix(".tar")
        if entry.is_dir() or name.startswith(".") or "__MACOSX" in entry.filename:
            continue
        if not is_name(name) or name.lower() in map(str.lower, found) or name == MANIFEST:
            raise zipfile.BadZipFile(f"a file {entry.filename[:60]!r} in it")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise zipfile.BadZipFile(f"a link {entry.filename[:60]!r} in it")
        if len(found) == _MOST_FILES:
            raise zipfile.BadZipFile(f"more than {_MOST_FILES} files in it")
        found[name] = entry
    size = sum(entry.file_size for entry in found.values())
    if size > _MOST_UNPACKED * archive_bytes + _UNPACKED_ANYWAY_BYTES:
        raise zipfile.BadZipFile(f"{megabytes(archive_bytes)} that become {megabytes(size)}")
    return found
