"""Sound against picture in a browser: a face that flashes and a voice that clicks, together where they are made.

    python -m benchmarks.web_sync
    python -m benchmarks.web_sync --late-ms 30

A connection of the real kind sends to headless Chromium on this machine for half a minute: a click of 10 ms every
second, and white pictures from the same sample on. Two measurements, positive where the sound is late: what is
captured (the click in an audio worklet, the flash in the video's frame callback, both on the page's clock), and what
the browser itself tells (`estimatedPlayoutTimestamp` of both streams).

- --late-ms: every other second the pictures are made so much later, at random, as on a busy machine.
"""

from __future__ import annotations

import argparse
import asyncio
from itertools import pairwise
from pathlib import Path

import numpy as np
from playwright.async_api import async_playwright

from agent.config.web_sections import WebSection
from agent.engine import DRAWING_S, MOST_DRAWING_S
from agent.web.rtc.connection import Connection
from agent.web.rtc.face_track import PeerFace
from agent.web.rtc.ice_servers import rtc_configuration
from agent.web.rtc.peer_sound import PeerSound
from avatar.clock import SAMPLES_PER_FRAME, PacedClock
from avatar.decoder import VideoFrame
from avatar.motion import FRAME_RATE_HZ, neutral
from benchmarks.report import print_machine, print_percentiles
from speech.audio import OUTPUT_RATE_HZ
from speech.sound_track import SoundTrack
from tests.browser import CHROMIUM

PROBE = (Path(__file__).parent / "web_probe.js").read_text(encoding="utf-8")
CALL = """async () => {
  const peer = new RTCPeerConnection();
  const stream = new MediaStream(), player = document.createElement("video");
  player.autoplay = true;
  document.body.append(player);
  peer.ontrack = (event) => { stream.addTrack(event.track); player.srcObject = stream; };
  for (const kind of ["audio", "video"]) peer.addTransceiver(kind, { direction: "recvonly" });
  await peer.setLocalDescription(await peer.createOffer());
  await peer.setRemoteDescription({ type: "answer", sdp: await answer(peer.localDescription.sdp) });
}"""
PAGE = "http://localhost/"  # a page of this machine may use everything; nothing listens there
SETTLE_S = 8.0


def click_and_silence(seconds: int) -> np.ndarray:
    """A click at the beginning of every second: float32 [N]."""
    sound = np.zeros((seconds, OUTPUT_RATE_HZ), np.float32)
    length = OUTPUT_RATE_HZ // 100
    sound[:, :length] = 0.5 * np.sin(2 * np.pi * 2000 / OUTPUT_RATE_HZ * np.arange(length))
    return sound.reshape(-1)


async def show_flashes(sound: PeerSound, face: PeerFace, seconds: int, late_ms: float) -> None:
    """Pictures at the pace at which a renderer makes them: white for 200 ms from every click on."""
    clock = PacedClock(sound, ahead_s=DRAWING_S, most_ahead_s=MOST_DRAWING_S)
    random, motion = np.random.default_rng(0), neutral(1)[0]
    noise = random.integers(0, 60, (512, 512, 3), np.uint8)
    loop = asyncio.get_running_loop()
    for _ in range(seconds * FRAME_RATE_HZ):
        frame = await clock.next_frame()
        second, within = divmod(frame, FRAME_RATE_HZ)
        await asyncio.sleep(0.012 + (second % 2) * random.uniform(0.0, late_ms) / 1000)
        image = noise + np.uint8(180 if within < 5 else 0)
        picture = VideoFrame(image, frame * SAMPLES_PER_FRAME)
        await asyncio.to_thread(face.write, picture, np.zeros(SAMPLES_PER_FRAME, np.float32), motion)
        clock.played(loop.time())


async def measure(seconds: int, late_ms: float) -> None:
    """Sends, captures, and prints."""
    sound = PeerSound()
    face = PeerFace(sound)
    track = SoundTrack()
    connection = Connection(sound, face, on_lost=lambda: None, servers=rtc_configuration(WebSection()))
    async with async_playwright() as playwright, sound.playing(track):
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        page = await browser.new_page()
        await page.expose_function("answer", connection.answer)
        await page.route(PAGE, lambda route: route.fulfill(body="<!doctype html><body>", content_type="text/html"))
        await page.goto(PAGE)
        await page.evaluate(PROBE + "probe.region = [0, 0, 1, 1];")
        track.append(click_and_silence(seconds + 5))
        showing = asyncio.create_task(show_flashes(sound, face, seconds, late_ms))
        await page.evaluate(CALL)
        told = []
        while not showing.done():
            await asyncio.sleep(0.5)
            if (playing := await page.evaluate("probe.offset()")) is not None:
                told.append(playing)
        clicks = await page.evaluate("probe.heard.filter((one) => one[2] !== null).map((one) => one[2])")
        pictures = await page.evaluate("probe.pictures.map((one) => [one[0], one[1].reduce((a, b) => a + b) / 768])")
        began_ms = pictures[0][0]
        await browser.close()
    await connection.close()
    report(clicks, pictures, told, began_ms + 1000 * SETTLE_S)


def report(clicks: list[float], pictures: list[list[float]], told: list[dict[str, float]], settled_ms: float) -> None:
    """Prints the offsets."""
    first_clicks = [at for before, at in zip([-1e9, *clicks], clicks, strict=False) if at - before > 500]
    flashes = [at for (_, before), (at, now) in pairwise(pictures) if now - before > 60]
    offsets = [
        (flash, min((click - flash for click in first_clicks), key=abs)) for flash in flashes if flash > settled_ms
    ]
    print_percentiles("captured: sound behind picture", [one for _, one in offsets], "ms", "within 40")
    print_percentiles("told by the browser", [one["offset"] for one in told[int(SETTLE_S * 2) :]], "ms", "within 40")
    print("in the course of it:", " ".join(f"{one['offset']:.0f}" for one in told))
    print("in the end:", ", ".join(f"{key} {value:.3g}" for key, value in told[-1].items()))
    spans = [after - at for (at, _), (after, _) in pairwise(pictures)]
    print_percentiles("between pictures", spans, "ms")


def main() -> None:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--late-ms", type=float, default=0.0)
    arguments = parser.parse_args()
    print_machine("aiortc", "av", "playwright", seed=0, late_ms=arguments.late_ms)
    asyncio.run(measure(arguments.seconds, arguments.late_ms))


if __name__ == "__main__":
    main()
