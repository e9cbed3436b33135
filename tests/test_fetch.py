"""Fetching models from a real server on its good and bad days, from folders, and as a user stops and repeats it."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.commands import fetch as command
from agent.config.config import load_config
from agent.models import download
from agent.models import fetch as fetching
from agent.models import listing as model_listing
from agent.models.catalogue import CATALOGUE, Model, find_model
from agent.models.download import receive
from agent.models.download_sources import Checksum, Folder, RemoteFile, Web
from agent.models.fetch import Fetched, fetch
from agent.models.fetched import named_model, state_of
from agent.models.manifest import MANIFEST, read_manifest
from agent.models.piper_catalogue import REPOSITORY as REPOSITORY_OF_VOICES
from agent.models.piper_catalogue import REVISION
from agent.models.weights import resolve_model
from speech.errors import InputError
from tests.model_server import COMMIT, ModelServer, model_server

CONTENT = hashlib.shake_256(b"weights").digest(1_000_000)
REPOSITORY = "someone/tiny-chat"
FILES = {
    "config.json": b'{"model_type": "qwen2"}',
    "tokenizer.json": b"{}",
    "model.safetensors": CONTENT,
    "pytorch_model.bin": b"the same again",
    "onnx/config.json": b"for another program",
    ".gitattributes": b"",
}
WANTED = {"config.json", "tokenizer.json", "model.safetensors"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with model_server() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


@pytest.fixture
def chat(server: ModelServer) -> Model:
    server.add_hub(REPOSITORY, FILES, large=("model.safetensors",), licence="apache-2.0")
    return named_model("transformers", REPOSITORY)


def sha256(content: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(content).hexdigest())


def remote(server: ModelServer, content: bytes = CONTENT, checksum: Checksum | None = None) -> RemoteFile:
    server.files["/x/weights.bin"] = content
    return RemoteFile("weights.bin", f"{server.url}/x/weights.bin", checksum=checksum)


def get(file: RemoteFile, folder: Path, *, tries: int = 3) -> bytes:
    target = folder / "weights.bin"
    receive(file, target, Web(), lambda here, total: None, pauses_s=(0.0,) * (tries - 1))
    return target.read_bytes()


def bring(model: Model, folder: Path, source: Path | None = None) -> Fetched:
    return fetch(model, folder, lambda file, here, total: None, source_folder=source, pauses_s=(0.0, 0.0))


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.partial*"))


# ---- One file ----


def test_a_cut_connection_goes_on_where_it_was(server: ModelServer, tmp_path: Path) -> None:
    server.cuts = [300_000, 200_000]
    assert get(remote(server, checksum=sha256(CONTENT)), tmp_path) == CONTENT
    assert [asked.range for asked in server.asked] == ["", "bytes=300000-", "bytes=500000-"]
    assert server.asked[0].if_range == "" and server.asked[1].if_range.startswith('"')
    assert leftovers(tmp_path) == []


def test_what_an_earlier_run_left_is_used(server: ModelServer, tmp_path: Path) -> None:
    server.cuts = [400_000]
    with pytest.raises(InputError, match=r"the connection was cut; the 400000 bytes .* are kept for the next time"):
        get(remote(server), tmp_path, tries=1)
    assert leftovers(tmp_path) == ["weights.bin.partial", "weights.bin.partial.json"]
    assert not (tmp_path / "weights.bin").exists()
    assert get(remote(server), tmp_path) == CONTENT
    assert server.asked[1].range == "bytes=400000-"


def test_another_version_on_the_server_starts_from_the_beginning(server: ModelServer, tmp_path: Path) -> None:
    server.cuts = [400_000]
    with pytest.raises(InputError):
        get(remote(server), tmp_path, tries=1)
    newer = CONTENT[::-1]
    assert get(remote(server, newer), tmp_path) == newer
    assert server.asked[1].range == "bytes=400000-"  # asked for, and refused because of If-Range


def test_without_etag_and_checksum_nothing_is_put_together(server: ModelServer, tmp_path: Path) -> None:
    server.gives_etag, server.cuts = False, [400_000]
    with pytest.raises(InputError):
        get(remote(server), tmp_path, tries=1)
    assert get(remote(server), tmp_path) == CONTENT
    assert server.asked[1].range == ""


def test_a_server_that_ignores_ranges(server: ModelServer, tmp_path: Path) -> None:
    server.takes_ranges, server.cuts = False, [400_000]
    assert get(remote(server, checksum=sha256(CONTENT)), tmp_path) == CONTENT
    assert [asked.range for asked in server.asked] == ["", "bytes=400000-"]


def test_a_server_that_always_cuts_is_given_up(server: ModelServer, tmp_path: Path) -> None:
    server.takes_ranges, server.cuts = False, [400_000] * 9
    with pytest.raises(InputError, match="the connection was cut"):
        get(remote(server), tmp_path, tries=3)
    assert len(server.asked) == 3


def test_a_wrong_checksum_is_refused_and_removed(server: ModelServer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a file with the sha256 checksum [0-9a-f]{12}…, got another"):
        get(remote(server, checksum=sha256(b"something else")), tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(server.asked) == 1


def test_a_partial_file_of_something_else_is_not_believed(server: ModelServer, tmp_path: Path) -> None:
    file = remote(server, checksum=sha256(CONTENT))
    server.cuts = [400_000]
    with pytest.raises(InputError):
        get(file, tmp_path, tries=1)
    partial = tmp_path / "weights.bin.partial"
    partial.write_bytes(b"?" + partial.read_bytes()[1:])
    assert get(file, tmp_path) == CONTENT
    assert [asked.range for asked in server.asked] == ["", "bytes=400000-", ""]


def test_a_file_that_was_all_there_when_it_was_stopped(server: ModelServer, tmp_path: Path) -> None:
    file = remote(server, checksum=sha256(CONTENT))
    server.cuts = [400_000]
    with pytest.raises(InputError):
        get(file, tmp_path, tries=1)
    (tmp_path / "weights.bin.partial").write_bytes(CONTENT)
    assert get(file, tmp_path) == CONTENT


def test_the_checksum_that_the_server_states(server: ModelServer, tmp_path: Path) -> None:
    def stated(content: bytes) -> str:
        return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()

    server.headers["Content-MD5"] = stated(CONTENT)
    assert get(remote(server), tmp_path) == CONTENT
    server.headers["Content-MD5"] = stated(b"another")
    with pytest.raises(InputError, match="the md5 checksum"):
        get(remote(server), tmp_path)


@pytest.mark.parametrize(
    ("status", "trouble", "tries"),
    [
        (404, "the server says 404 Not Found; was it moved", 1),
        (403, "the server says 403 Forbidden; it wants you to log in", 1),
        (503, "the server says 503 Service Unavailable", 3),
    ],
)
def test_a_server_that_refuses(server: ModelServer, tmp_path: Path, status: int, trouble: str, tries: int) -> None:
    server.statuses = [status] * 9
    with pytest.raises(InputError, match=trouble) as error:
        get(remote(server), tmp_path, tries=3)
    assert "\n" not in str(error.value)
    assert len(server.asked) == tries
    assert leftovers(tmp_path) == []
    server.statuses = [500]
    assert get(remote(server), tmp_path) == CONTENT


def test_something_else_of_another_size(server: ModelServer, tmp_path: Path) -> None:
    file = remote(server, b"<html>Please log in to this network</html>")
    file = RemoteFile(file.path, file.url, len(CONTENT), sha256(CONTENT))
    with pytest.raises(InputError, match="expected 1000000 bytes, the file there has 42"):
        get(file, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_say_how_much_it_sends(server: ModelServer, tmp_path: Path) -> None:
    server.gives_length = False
    assert get(remote(server, checksum=sha256(CONTENT)), tmp_path) == CONTENT


def test_a_server_that_sends_more_than_it_should(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.gives_length = False
    file = remote(server)
    monkeypatch.setattr(download, "LARGEST_UNSTATED_BYTES", 500_000)
    for stated in (None, 400_000):
        most = stated or 500_000
        with pytest.raises(InputError, match=f"expected {most} bytes at most, the server sends more"):
            get(RemoteFile(file.path, file.url, stated, sha256(CONTENT)), tmp_path)
        assert list(tmp_path.glob("weights.bin*")) == []


def test_a_server_that_is_much_too_slow(server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.pause_s = 0.02
    monkeypatch.setattr(download, "SLOWEST_S", 0.05)
    monkeypatch.setattr(download, "SLOWEST_BYTES", 1_000_000)
    with pytest.raises(InputError, match=r"less than 1000000 bytes came in 0\.05 s; the \d+ bytes"):
        get(remote(server, checksum=sha256(CONTENT)), tmp_path, tries=1)


def test_a_page_to_log_in_at_is_no_model(server: ModelServer, tmp_path: Path) -> None:
    server.headers = {"Content-Type": "text/html; charset=utf-8"}
    with pytest.raises(InputError, match="the server sent a web page; is there a page to log in at first"):
        get(remote(server, b"<html>"), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x"])
def test_a_redirection_out_of_the_web_is_not_followed(server: ModelServer, tmp_path: Path, target: str) -> None:
    file = remote(server)
    server.statuses, server.headers = [302], {"Location": target}
    with pytest.raises(InputError, match="the server says 302"):
        get(file, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_network(server: ModelServer, tmp_path: Path) -> None:
    file = RemoteFile("weights.bin", "http://no-such-host.invalid/weights.bin")
    with pytest.raises(InputError, match="no such host, or no network"):
        receive(file, tmp_path / "weights.bin", Web(), lambda here, total: None, pauses_s=(60.0,))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(server: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "weights.bin.partial").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"the disk is full \(\d+ MB free\); make room and run it again"):
        get(remote(server), tmp_path)


def test_two_at_once(server: ModelServer, tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    with (tmp_path / "weights.bin.partial").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another `visavis fetch` is writing this file"):
            get(remote(server), tmp_path)


# ---- A model from a hub ----


def test_a_repository(chat: Model, server: ModelServer, tmp_path: Path) -> None:
    done = bring(chat, tmp_path)
    assert done.path == tmp_path / "transformers" / "someone--tiny-chat"
    assert {path.name for path in done.path.iterdir()} == {*WANTED, MANIFEST}
    assert (done.path / "model.safetensors").read_bytes() == CONTENT
    assert (done.licence, done.checked_by) == ("apache-2.0", "its source's checksums")
    manifest = read_manifest(done.path)
    assert manifest is not None and manifest.revision == COMMIT
    assert manifest.files["model.safetensors"].sha256 == sha256(CONTENT).value
    assert state_of(tmp_path, "transformers", REPOSITORY).status == "complete"

    before = len(server.asked)
    assert bring(chat, tmp_path).was_here
    assert len(server.asked) == before


def test_it_is_not_complete_before_its_last_file(chat: Model, server: ModelServer, tmp_path: Path) -> None:
    server.cuts = [100, 100, 400_000]
    server.files[f"/{REPOSITORY}/resolve/{COMMIT}/config.json"] = b"[]" + FILES["config.json"][2:]
    with pytest.raises(InputError, match="the git checksum"):
        bring(chat, tmp_path)
    assert state_of(tmp_path, "transformers", REPOSITORY).status == "missing"
    server.files[f"/{REPOSITORY}/resolve/{COMMIT}/config.json"] = FILES["config.json"]
    server.cuts, server.statuses = [100, 100, 400_000], [0, 0, 0, 404]
    with pytest.raises(InputError, match="404"):
        bring(chat, tmp_path)
    state = state_of(tmp_path, "transformers", REPOSITORY)
    assert (state.status, state.size > 400_000) == ("partial", True)
    done = bring(chat, tmp_path)
    assert server.fetched("model.safetensors")[-1].range == "bytes=400000-"
    assert len(server.fetched("tokenizer.json")) == 1 and not done.was_here


def test_a_damaged_model_is_mended(chat: Model, server: ModelServer, tmp_path: Path) -> None:
    path = bring(chat, tmp_path).path
    damaged = bytearray(CONTENT)
    damaged[500_000] ^= 1
    (path / "model.safetensors").write_bytes(damaged)
    done = bring(chat, tmp_path)
    assert (path / "model.safetensors").read_bytes() == CONTENT and not done.was_here
    assert len(server.fetched("model.safetensors")) == 2 and len(server.fetched("config.json")) == 1


def test_a_repository_without_what_is_needed(server: ModelServer, tmp_path: Path) -> None:
    server.add_hub(REPOSITORY, {"config.json": b"{}", "pytorch_model.bin": b"x"}, licence="mit")
    with pytest.raises(InputError, match=r"expected a model for transformers, found no \*\.safetensors in it"):
        bring(named_model("transformers", REPOSITORY), tmp_path)
    with pytest.raises(InputError, match="404"):
        bring(named_model("transformers", "someone/else"), tmp_path)
    server.files["/api/models/someone/else/revision/main"] = b"<html>"
    with pytest.raises(InputError, match="expected a list of files, could not read the answer"):
        bring(named_model("transformers", "someone/else"), tmp_path)


def test_a_repository_can_not_write_elsewhere(server: ModelServer, tmp_path: Path) -> None:
    files = {**FILES, "../../evil.json": b"{}", "/etc/evil.json": b"{}", "a\\evil.json": b"{}"}
    server.add_hub(REPOSITORY, files, licence="mit")
    done = bring(named_model("transformers", REPOSITORY), tmp_path)
    assert {path.name for path in done.path.iterdir()} == {*WANTED, MANIFEST}
    assert not list(tmp_path.rglob("*evil*")) and not list(tmp_path.parent.glob("*evil*"))


PIPER = "de_DE-thorsten-medium"
PIPER_FOLDER = "de/de_DE/thorsten/medium"


def test_a_piper_voice_out_of_a_repository_of_many(server: ModelServer, tmp_path: Path) -> None:
    files = {
        f"{PIPER_FOLDER}/{PIPER}.onnx": CONTENT,
        f"{PIPER_FOLDER}/{PIPER}.onnx.json": b'{"audio": {"sample_rate": 22050}}',
        f"{PIPER_FOLDER}/MODEL_CARD": b"* License: see its page",
        f"{PIPER_FOLDER}/samples/speaker_0.mp3": b"not wanted",
        "de/de_DE/thorsten/high/de_DE-thorsten-high.onnx": b"another voice",
        "voices.json": b"{}",
    }
    large = tuple(name for name in files if name.endswith(".onnx"))
    server.add_hub(REPOSITORY_OF_VOICES, files, large=large, licence="mit", revision=REVISION)
    server.cuts = [300_000]
    done = bring(named_model("piper", PIPER), tmp_path / "models")
    place = tmp_path / "models" / "piper" / PIPER
    assert done.path == place / f"{PIPER}.onnx" and done.path.read_bytes() == CONTENT
    assert {path.name for path in place.iterdir()} == {f"{PIPER}.onnx", f"{PIPER}.onnx.json", "MODEL_CARD", MANIFEST}
    assert (done.licence, done.checked_by) == ("CC0", "its source's checksums"), "the voice's, not the repository's"
    assert [asked.range for asked in server.fetched(f"{PIPER}.onnx")] == ["", "bytes=300000-"]
    config = load_config(None, [f"ring.models={tmp_path / 'models'}", "voice.language=de"], {})
    assert resolve_model(config, "piper") == resolve_model(config, "piper", PIPER) == done.path

    server.files[f"/{REPOSITORY_OF_VOICES}/resolve/{COMMIT}/{PIPER_FOLDER}/{PIPER}.onnx"] = CONTENT[::-1]
    with pytest.raises(InputError, match="the sha256 checksum"):
        bring(named_model("piper", PIPER), tmp_path / "other")
    with pytest.raises(InputError, match="expected a model for piper, found no"):
        bring(named_model("piper", "de_DE-thorsten-low"), tmp_path / "none")


def test_no_room(chat: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=400_000)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(InputError, match=r"expected 1\.0 MB free on the disk .*, found 0\.4 MB; make room"):
        bring(chat, tmp_path)


# ---- From a folder ----


def test_another_machines_folder(chat: Model, server: ModelServer, tmp_path: Path) -> None:
    stick, here = tmp_path / "stick", tmp_path / "here"
    bring(chat, stick)
    server.files.clear()
    done = bring(chat, here, stick)
    assert (done.path / "model.safetensors").read_bytes() == CONTENT and done.licence == "apache-2.0"
    assert read_manifest(done.path) == read_manifest(stick / "transformers" / "someone--tiny-chat")

    (stick / "transformers" / "someone--tiny-chat" / "model.safetensors").write_bytes(b"?" * len(CONTENT))
    with pytest.raises(InputError, match="expected a file with the sha256 checksum"):
        bring(chat, tmp_path / "elsewhere", stick)
    with pytest.raises(InputError, match="expected another folder"):
        bring(chat, stick, stick)


def test_published_files_in_a_folder(chat: Model, server: ModelServer, tmp_path: Path) -> None:
    plain = tmp_path / "downloads" / "tiny-chat"
    plain.mkdir(parents=True)
    for name, content in FILES.items():
        if "/" not in name:
            (plain / name).write_bytes(content)
    done = bring(chat, tmp_path / "here", plain.parent)
    assert (done.path / "model.safetensors").read_bytes() == CONTENT
    assert server.asked == []  # only the list came from the hub
    with pytest.raises(InputError, match=r"expected the file config\.json in .*, found none"):
        bring(chat, tmp_path / "elsewhere", tmp_path)
    server.files.clear()
    with pytest.raises(InputError, match=f"found no {re.escape(MANIFEST)} in .* 404"):
        bring(chat, tmp_path / "elsewhere", plain.parent)
    with pytest.raises(InputError, match="expected a folder with models, found nothing"):
        bring(chat, tmp_path / "elsewhere", tmp_path / "none")


def test_a_folder_goes_on_too(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(CONTENT)
    out = tmp_path / "out"
    out.mkdir()
    file = RemoteFile("weights.bin", "", len(CONTENT), sha256(CONTENT))
    positions: list[int] = []

    def stop(here: int, total: int | None) -> None:
        positions.append(here)
        if len(positions) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        receive(file, out / "weights.bin", Folder([tmp_path]), stop)
    assert (out / "weights.bin.partial").stat().st_size == positions[-1]
    receive(file, out / "weights.bin", Folder([tmp_path]), lambda here, total: positions.append(here))
    assert positions[2] > positions[1] and (out / "weights.bin").read_bytes() == CONTENT


# ---- Whisper's and Coqui's own tables ----


def package(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    path = folder / "table"
    path.write_text(text)
    monkeypatch.setattr(model_listing, "_package_file", lambda module, name, distribution, extra: path)


def test_whisper(server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"{server.url}/models/{sha256(CONTENT).value}/base.en.pt"
    package(monkeypatch, tmp_path, f"import torch_is_not_needed\n_MODELS = {{'base.en': {url!r}}}\n")
    server.files[url.removeprefix(server.url)] = CONTENT
    model = named_model("whisper", "base.en")
    done = bring(model, tmp_path / "m")
    assert done.path == tmp_path / "m" / "whisper" / "base.en" / "base.en.pt"
    assert done.path.read_bytes() == CONTENT
    with pytest.raises(InputError, match=r"whisper: expected one of base\.en, got 'huge'"):
        bring(named_model("whisper", "huge"), tmp_path / "m")

    # From a folder what OpenAI states counts, not what the folder says.
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "base.en.pt").write_bytes(CONTENT)
    server.files.clear()
    assert bring(model, tmp_path / "n", stick).path.read_bytes() == CONTENT
    (stick / "base.en.pt").write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(InputError, match="sha256"):
        bring(model, tmp_path / "o", stick)


def archive(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return out.getvalue()


VOICE = "tts_models/en/tiny/vits"
INSIDE = {"tts--tiny/": b"", "tts--tiny/config.json": b'{"model": "vits"}', "tts--tiny/model_file.pth.tar": CONTENT}


@pytest.fixture
def voice(server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    entry = {"github_rls_url": f"{server.url}/v0/tiny.zip", "license": "apache 2.0"}
    xtts = {"repo_id": "someone/xtts", "ignore": ["samples/*", "dvae.pth"], "license": "CPML"}
    table = {"tts_models": {"en": {"tiny": {"vits": entry}}, "multilingual": {"multi-dataset": {"xtts_v2": xtts}}}}
    package(monkeypatch, tmp_path, json.dumps(table))
    server.files["/v0/tiny.zip"] = archive({**INSIDE, "__MACOSX/config.json": b"", "tts--tiny/.DS_Store": b""})
    return named_model("coqui", VOICE)


def test_a_coqui_archive(server: ModelServer, voice: Model, tmp_path: Path) -> None:
    server.cuts = [200_000]
    done = bring(voice, tmp_path / "m")
    assert {path.name for path in done.path.iterdir()} == {"config.json", "model_file.pth", MANIFEST}
    assert (done.path / "model_file.pth").read_bytes() == CONTENT
    assert "its source states none" in done.checked_by
    assert [asked.range for asked in server.asked] == ["", "bytes=200000-"]
    assert bring(voice, tmp_path / "m").was_here
    server.files.clear()
    assert bring(voice, tmp_path / "n", tmp_path / "m").path.is_dir()


def test_a_damaged_archive(server: ModelServer, voice: Model, tmp_path: Path) -> None:
    good = server.files["/v0/tiny.zip"]
    at = len(good) // 2
    for bad in (b"<html>", good[:at] + bytes(100) + good[at + 100 :]):
        server.files["/v0/tiny.zip"] = bad
        with pytest.raises(InputError, match=r"tiny\.zip: expected a ZIP archive, got something damaged"):
            bring(voice, tmp_path / "m")
        assert not list((tmp_path / "m").rglob("*.zip"))
        assert state_of(tmp_path / "m", "coqui", VOICE).status != "complete"
    server.files["/v0/tiny.zip"] = archive({"readme.txt": b"x"})
    with pytest.raises(InputError, match=r"expected a voice with its config\.json, found readme\.txt"):
        bring(voice, tmp_path / "m")
    server.files["/v0/tiny.zip"] = archive({**INSIDE, "../../evil.pth": b"x"})
    assert (bring(voice, tmp_path / "m").path / "evil.pth").is_file()  # inside, whatever it is called


def linked(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ({"other/CONFIG.json": b"{}"}, "a file 'other/CONFIG.json' in it"),
        ({"C:\\evil.pth": b"x"}, r"a file 'C:.+evil\.pth' in it"),
        ({"/etc/x:y.pth": b"x"}, "a file '/etc/x:y.pth' in it"),
        ({MANIFEST: b"{}"}, f"a file '{MANIFEST}' in it"),
        ({linked("tts--tiny/speakers.json"): b"/etc/passwd"}, r"a link 'tts--tiny/speakers\.json' in it"),
        ({"bomb.pth": bytes(30_000_000)}, "MB that become 31 MB"),
        ({f"{number}.json": b"{}" for number in range(200)}, "more than 100 files"),
    ],
    ids=["case", "drive", "absolute", "manifest", "link", "bomb", "many"],
)
def test_a_hostile_archive(
    server: ModelServer, voice: Model, tmp_path: Path, added: dict[str | zipfile.ZipInfo, bytes], message: str
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in {**INSIDE, **added}.items():
            packed.writestr(name, content, zipfile.ZIP_DEFLATED)
    server.files["/v0/tiny.zip"] = out.getvalue()
    with pytest.raises(InputError, match=message) as error:
        bring(voice, tmp_path / "m")
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "m").rglob("*.partial")) and not list((tmp_path / "m").rglob(MANIFEST))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "table"]


def test_an_archive_with_a_password_or_a_lying_checksum(server: ModelServer, voice: Model, tmp_path: Path) -> None:
    good = archive(INSIDE)
    locked, lying = bytearray(good), bytearray(good)
    at = good.rindex(b"PK\x01\x02")  # the entry of the last file in the archive's list
    locked[at + 8] |= 1
    lying[at + 16] ^= 1
    for bad, told in ((locked, "encrypted"), (lying, "Bad CRC-32")):
        server.files["/v0/tiny.zip"] = bytes(bad)
        with pytest.raises(InputError, match=f"something damaged .+{told}"):
            bring(voice, tmp_path / "m")
        assert not list((tmp_path / "m").rglob("*.partial"))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[]",
        "{}",
        '{"files": {"a.bin": {"size": 1e400, "sha256": ""}}}',
        '{"files": {"a.bin": {"size": -1, "sha256": ""}}, "model": "", "source": "", "revision": "", "licence": "", '
        '"entry": ""}',
        '{"files": {".": {"size": 1, "sha256": ""}}, "model": "", "source": "", "revision": "", "licence": "", '
        '"entry": ""}',
        '{"files": {"a.bin": {"size": 1, "sha256": ""}}, "model": "", "source": "", "revision": "", "licence": "", '
        '"entry": "../x"}',
    ],
)
def test_a_damaged_manifest_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(InputError) as error:
        read_manifest(tmp_path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


def test_a_manifest_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None
    os.mkfifo(tmp_path / MANIFEST)
    with pytest.raises(InputError, match="found a pipe"):
        read_manifest(tmp_path)


def test_xtts_and_what_coqui_does_not_list(server: ModelServer, voice: Model, tmp_path: Path) -> None:
    files = dict.fromkeys(("config.json", "model.pth", "vocab.json", "dvae.pth", "speakers_xtts.pth"), b"{}")
    server.add_hub("someone/xtts", {**files, "LICENSE.txt": b"CPML", "samples/a.wav": b""}, licence="other")
    xtts = find_model("xtts", "tts_models/multilingual/multi-dataset/xtts_v2")
    assert xtts is not None and xtts.licence == "CPML"
    done = bring(xtts, tmp_path / "m")
    names = {path.name for path in done.path.iterdir()}
    assert names == {"config.json", "model.pth", "vocab.json", "speakers_xtts.pth", "LICENSE.txt", MANIFEST}
    assert done.licence == "CPML"
    with pytest.raises(InputError, match="coqui-tts lists no model 'tts_models/en/none/vits'"):
        bring(named_model("coqui", "tts_models/en/none/vits"), tmp_path / "m")
    with pytest.raises(InputError, match="coqui: expected one of its models, got one of xtts"):
        bring(named_model("coqui", xtts.name), tmp_path / "m")


@pytest.mark.parametrize(("backend", "module"), [("whisper", "whisper"), ("coqui", "TTS")])
def test_the_installed_packages_know_our_models(backend: str, module: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    for model in (model for model in CATALOGUE if model.backend == backend):
        (file,) = (listing := model_listing.list_files(model)).files
        assert file.url.startswith("https://")
        assert (file.checksum is not None) == (backend == "whisper")
        assert listing.is_archive == (backend == "coqui")


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_listing, "find_spec", lambda module: None)
    with pytest.raises(InputError, match=r"expected the package openai-whisper.* pip install 'visavis\[whisper\]'"):
        bring(named_model("whisper", "base.en"), tmp_path)


# ---- The command ----


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data" / "visavis" / "models"


def run(*arguments: str, answer: str | None = None) -> tuple[int, str]:
    import typer

    app = typer.Typer()
    command.register(app)
    result = CliRunner().invoke(app, list(arguments), input=answer, env={"COLUMNS": "200"})
    if isinstance(result.exception, InputError):
        return 2, f"{result.output}\n{result.exception}"
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_the_plan_and_no_answer(home: Path, server: ModelServer) -> None:
    status, said = run()
    assert status == 2 and "add --yes" in said
    for part in ("Qwen2.5-1.5B-Instruct", "licence Apache-2.0", "about 3.10 GB", "Hugging Face", str(home), "free"):
        assert part in said
    assert server.asked == [] and not home.exists()


def test_named_models_and_the_list(home: Path, chat: Model, server: ModelServer) -> None:
    status, said = run(chat.title)
    assert status == 0 and "checked with its source's checksums, licence: apache-2.0" in said
    status, said = run("--list", "--json")
    rows = {f"{row['backend']}/{row['name']}": row for row in json.loads(said)["models"]}
    assert rows[chat.title]["status"] == "complete"
    assert rows["whisper/base.en"]["default"] and rows["whisper/base.en"]["status"] == "missing"
    assert "fetched" in next(line for line in run("--list")[1].splitlines() if REPOSITORY in line)
    path = home / "transformers" / "someone--tiny-chat"
    (path / "model.safetensors").write_bytes(b"")
    assert "broken" in next(line for line in run("--list")[1].splitlines() if REPOSITORY in line)
    settings = ("--set", "mind.backend=transformers", "--set", f"mind.model={REPOSITORY}")
    assert run("transformers", *settings)[0] == 0
    assert (path / "model.safetensors").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "trouble"),
    [
        ("whispr/base.en", r"expected whisper, faster-whisper, .*, got 'whispr/base\.en'; see: visavis fetch --list"),
        ("small", "expected whisper/small or faster-whisper/small, got 'small'"),
        ("transformers/qwen", "or OWNER/NAME on Hugging Face, got 'qwen'"),
        ("whisper/../../x", "expected a name such as"),
    ],
)
def test_names_that_mean_nothing(home: Path, name: str, trouble: str) -> None:
    status, said = run(name)
    assert status == 2 and re.search(trouble, said)


def test_a_licence_is_never_accepted_silently(home: Path, server: ModelServer, voice: Model) -> None:
    files = dict.fromkeys(("config.json", "model.pth", "vocab.json"), b"{}")
    server.add_hub("someone/xtts", files, licence="other")
    status, said = run("xtts", "--yes")
    assert status == 2 and "non-commercial" in said and "--accept-licence CPML" in said
    assert server.asked == [] and not home.exists()
    assert run("xtts", "--accept-licence", "MIT")[0] == 2
    assert run("xtts", "--accept-licence", "CPML")[0] == 0


def test_one_failure_does_not_stop_the_next(home: Path, chat: Model, server: ModelServer) -> None:
    status, said = run("transformers/someone/else", chat.title)
    assert status == 2 and "404" in said and (home / "transformers" / "someone--tiny-chat" / MANIFEST).is_file()


def test_stopped_with_control_c_and_going_on(home: Path, chat: Model, server: ModelServer) -> None:
    server.pause_s = 0.02
    code = "import typer; from agent.commands import fetch; app = typer.Typer(); fetch.register(app); app()"
    environment = {**os.environ, "PYTHONPATH": str(Path(fetching.__file__).parent.parent.parent)}
    started = [sys.executable, "-c", code, chat.title]
    with subprocess.Popen(started, stderr=subprocess.PIPE, text=True, env=environment) as running:
        partial = home / "transformers" / "someone--tiny-chat" / "model.safetensors.partial"
        deadline = time.monotonic() + 20
        while not (partial.is_file() and partial.stat().st_size > 100_000):
            assert time.monotonic() < deadline and running.poll() is None
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=20)
    assert running.returncode == 130
    assert re.search(
        r"stopped; 0\.\d MB are kept, the next `visavis fetch transformers/someone/tiny-chat` goes on", said
    )
    kept = partial.stat().st_size
    assert 0 < kept < len(CONTENT)
    server.pause_s = 0.0
    assert run(chat.title)[0] == 0
    assert server.fetched("model.safetensors")[-1].range == f"bytes={kept}-"
    assert (partial.parent / "model.safetensors").read_bytes() == CONTENT
