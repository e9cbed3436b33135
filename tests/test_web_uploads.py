"""Pictures that visitors bring: looked at with care, kept for a while in a folder of their own, then gone."""

from __future__ import annotations

import asyncio
import io
import struct
import threading
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.config import Config
from agent.config.web_sections import WebSection
from agent.personas import portrait_path
from agent.web.app import make_app
from agent.web.safety import guard
from agent.web.safety.access import Access
from agent.web.visits import uploads
from agent.web.visits.uploads import BusyError, Uploads
from agent.web.visits.wishes import Wishes
from avatar.portrait.portrait import load_portrait
from speech.errors import InputError
from tests.fake_hall import FakeHall


@pytest.fixture(autouse=True)
def _nothing_is_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "rates_of", lambda *_: ())


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are made."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@asynccontextmanager
async def calling(hall: FakeHall) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(hall, Access()))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60.0) as client:
        yield client


async def _bring(client: httpx.AsyncClient, content: bytes, consent: str | None = "true") -> httpx.Response:
    data = {} if consent is None else {"consent": consent}
    return await client.post("/api/portraits", files={"picture": ("../../../etc/passwd", content)}, data=data)


def test_a_picture_is_brought_chosen_and_deleted(temporary: Path) -> None:
    async def main() -> None:
        hall = FakeHall()
        async with calling(hall) as client:
            brought = await _bring(client, portrait_path("jonas").read_bytes())
            assert brought.status_code == 201, brought.text
            assert set(brought.json()) == {"id", "image", "notices"}
            assert _folder(temporary).stat().st_mode & 0o777 == 0o700

            image = await client.get(brought.json()["image"])
            assert image.headers["Content-Type"] == "image/jpeg"
            assert cv2.imdecode(np.frombuffer(image.content, np.uint8), cv2.IMREAD_COLOR).shape == (256, 256, 3)

            visit = await hall.enter(Wishes(portrait=brought.json()["id"]))
            chosen = visit.config.portrait
            # The analysis holds the picture, too: it lies beside it, and nowhere else.
            assert Path(chosen.path).parent == chosen.cache_dir
            assert {file.parent for file in _files(temporary)} == {chosen.cache_dir}
            assert load_portrait(Path(chosen.path), cache_dir=chosen.cache_dir).size == 512
            assert len(_files(temporary)) == 2

            at = f"/api/portraits/{brought.json()['id']}"
            assert (await client.delete(at)).status_code == 204
            assert _files(temporary) == []
            assert (await client.delete(at)).status_code == 404
            assert (await client.get(brought.json()["image"])).status_code == 404
            gone = await client.post("/api/sessions", json={"portrait": brought.json()["id"]})
            assert gone.status_code == 422
        hall.choices.close()

    asyncio.run(main())
    assert list(temporary.iterdir()) == []


def _files(temporary: Path) -> list[Path]:
    return [file for file in temporary.rglob("*") if file.is_file()]


def _folder(temporary: Path) -> Path:
    (folder,) = temporary.glob(".visavis-*")
    return folder


def _png(width: int, height: int, data: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _encoded(suffix: str, shape: tuple[int, ...] = (200, 200, 3)) -> bytes:
    image = np.random.default_rng(7).integers(0, 255, shape, np.uint8)
    return cv2.imencode(suffix, image)[1].tobytes()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "expected a picture, got an empty file"),
        (b"hello", "expected a PNG, JPEG, WebP, HEIC or AVIF picture"),
        (b"GIF89a" + bytes(100), "expected a PNG, JPEG, WebP, HEIC or AVIF picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "expected a PNG, JPEG, WebP, HEIC or AVIF picture"),
        (b"8BPS" + bytes(100), "expected a PNG, JPEG, WebP, HEIC or AVIF picture"),
        (_encoded(".bmp"), "expected a PNG, JPEG, WebP, HEIC or AVIF picture"),
        (_encoded(".png")[:2000], "expected a whole picture"),
        (_encoded(".jpg", (40, 400, 3)), "expected a picture of at least 96 pixels"),
        (_encoded(".png"), "expected a person's face seen from the front, found none"),
        (b"\x89PNG\r\n\x1a\n", "expected a picture (PNG, JPEG"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(16), "expected a whole picture"),
        # Bombs: a few bytes that would be gigabytes.
        (_png(60_000, 60_000, zlib.compress(bytes(1000))), "expected a picture of at most 170 million pixels"),
        (_png(12_000, 12_000, zlib.compress(bytes(1000))), "expected at most 64 million pixels, got 12000x12000"),
        (_png(2_000_000_000, 1, b""), "expected a picture of at most 170 million pixels"),
    ],
)
def test_what_is_no_portrait_gets_one_line_and_leaves_nothing(content: bytes, told: str, temporary: Path) -> None:
    async def main() -> None:
        hall = FakeHall()
        async with calling(hall) as client:
            refused = await _bring(client, content)
            assert refused.status_code == 422
            line = refused.json()["detail"]
            assert line.startswith(told), line
            assert str(temporary) not in line and "visavis landmarks" not in line
            assert _files(temporary) == []
        hall.choices.close()

    asyncio.run(main())


def test_a_bomb_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "load_portrait", lambda *_, **__: pytest.fail("it was decoded"))

    async def main() -> None:
        kept = Uploads(512)
        with pytest.raises(InputError, match="64 million pixels"):
            await kept.add(io.BytesIO(_png(12_000, 12_000, zlib.compress(bytes(1000)))))
        kept.close()

    asyncio.run(main())


def test_nobody_is_animated_who_did_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "load_portrait", lambda *_, **__: pytest.fail("it was looked at"))

    async def main() -> None:
        async with calling(FakeHall()) as client:
            for consent in ("false", None, "perhaps", ""):
                refused = await _bring(client, _encoded(".png"), consent)
                assert refused.status_code == 422 and refused.json()["detail"].startswith("consent: ")

    asyncio.run(main())


def test_a_form_that_is_none_is_refused() -> None:
    async def main() -> None:
        async with calling(FakeHall()) as client:
            form = {"Content-Type": "multipart/form-data; boundary=x"}
            for body in (
                b"",
                b"--x",
                b"--x--",
                b"hello",
                b"--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n--x--",
                b"--x\r\n" + b"A: b\r\n" * 1000,
                b'--x\r\nContent-Disposition: form-data; name="picture"\r\n\r\n' + b"y" * 5000 + b"\r\n--x--",
                b"".join(
                    b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n\r\n' for _ in range(50)
                ),
            ):
                refused = await client.post("/api/portraits", content=body, headers=form)
                assert refused.status_code in (400, 422), body[:50]
                assert set(refused.json()) == {"detail"}
            two = [("picture", ("a", b"x")), ("picture", ("b", b"x"))]
            refused = await client.post("/api/portraits", files=two, data={"consent": "true"})
            assert refused.status_code == 400

    asyncio.run(main())


def test_a_server_that_takes_no_pictures_says_so() -> None:
    async def main() -> None:
        async with calling(FakeHall(Config(web=WebSection(uploads=False)))) as client:
            refused = await _bring(client, _encoded(".png"))
            assert (refused.status_code, refused.json()["detail"]) == (403, "this server takes no pictures")

    asyncio.run(main())


# ---- Few, and not for ever


@pytest.fixture
def _every_picture_is_a_face(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(path: Path, **_: Any) -> object:
        return SimpleNamespace(image=np.zeros((512, 512, 3), np.uint8), notices=(f"{path.name} was turned by 90°",))

    monkeypatch.setattr(uploads, "load_portrait", found)


def _picture() -> io.BytesIO:
    return io.BytesIO(_encoded(".png", (8, 8, 3)))


@pytest.mark.usefixtures("_every_picture_is_a_face")
def test_those_that_were_chosen_longest_ago_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_PICTURES", 3)

    async def main() -> None:
        kept = Uploads(512)
        first, second, third = [await kept.add(_picture()) for _ in range(3)]
        assert first.notices == ("picture was turned by 90°",)
        assert kept.find(first.id) is first
        fourth = await kept.add(_picture())
        assert [kept.find(one.id) for one in (first, second, third, fourth)] == [first, None, third, fourth]
        assert not second.folder.exists() and first.folder.exists()
        monkeypatch.setattr(uploads, "MOST_BYTES", fourth.size_bytes + 1)
        last = await kept.add(_picture())
        assert [kept.find(one.id) for one in (first, third, fourth, last)] == [None, None, None, last]
        kept.close()

    asyncio.run(main())


@pytest.mark.usefixtures("_every_picture_is_a_face")
def test_a_picture_that_nobody_chooses_is_deleted_after_an_hour(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    monkeypatch.setattr(uploads, "KEPT_S", 0.4)

    async def main() -> None:
        kept = Uploads(512)
        upload = await kept.add(_picture())
        for _ in range(3):
            await asyncio.sleep(0.2)
            assert kept.find(upload.id) is upload
        await asyncio.sleep(0.6)
        assert kept.find(upload.id) is None and not upload.folder.exists()
        kept.close()

    asyncio.run(main())
    assert list(temporary.iterdir()) == []


def test_many_pictures_at_once_wait_and_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, may_go_on, most, now = [], threading.Event(), 0, 0

    def look(path: Path, **_: Any) -> object:
        nonlocal most, now
        now += 1
        most = max(most, now)
        looks.append(path)
        may_go_on.wait(10.0)
        now -= 1
        return SimpleNamespace(image=np.zeros((512, 512, 3), np.uint8), notices=())

    monkeypatch.setattr(uploads, "load_portrait", look)

    async def main() -> None:
        kept = Uploads(512)
        async with asyncio.TaskGroup() as tasks:
            adding = [tasks.create_task(kept.add(_picture())) for _ in range(uploads.MOST_WAITING)]
            await asyncio.sleep(0.05)
            with pytest.raises(BusyError):
                await kept.add(_picture())
            may_go_on.set()
        assert len({one.result().id for one in adding}) == len(looks) == uploads.MOST_WAITING
        assert most == 1
        kept.close()

    asyncio.run(main())


@settings(max_examples=60)
@given(
    content=st.binary(max_size=300), kind=st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"])
)
def test_made_up_bytes_are_refused(content: bytes, kind: bytes) -> None:
    async def main() -> None:
        kept = Uploads(512)
        try:
            with pytest.raises(InputError) as refused:
                await kept.add(io.BytesIO(kind + content))
            assert str(refused.value).isprintable()
        finally:
            kept.close()

    asyncio.run(main())
