"""`visavis serve` and a real browser: how long until one looks the avatar in the eye, hears it, and silences it.

    python -m benchmarks.web
    python -m benchmarks.web --pages 10 --minutes 3 --set voice.backend=espeak

Headless Chromium on this machine opens the page as it is; a probe (web_probe.js) keeps what is received. Times are the
browser's own, of the sound that it is about to play and the pictures that it is about to show.

- page open → live face: from the navigation to the first picture
- user stops → sound: the microphone is a recording, played over and over; from its last loud sample to the first loud
  one that is received. All of it counts: the end of the turn has to be noticed, the words understood, a sentence spoken
- barge-in → silent: the avatar tells a long story each time the microphone speaks; from the first loud sample of the
  microphone to the last one received before a quarter of a second of silence
- sound behind picture: of the streams that are played, as the browser tells (`estimatedPlayoutTimestamp`)
- mouth behind sound: where the received mouth's movement goes best with the received sound's loudness; sampled faces
  move their lips ahead of the sound, as people do
- words: a text said, received, and understood by Whisper
"""

from __future__ import annotations

import argparse
import base64
import re
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from playwright.sync_api import Page

from agent.commands.demo import QUESTIONS
from agent.models.packaged import packaged_path
from agent.models.packaged_catalogue import find_packaged
from benchmarks.ears import word_errors
from benchmarks.intelligibility import words_of
from benchmarks.report import print_machine, print_percentiles
from benchmarks.web_timings import Talk, mouth_and_sound, talk_timings
from speech.audio import OUTPUT_RATE_HZ, SPEECH_RATE_HZ, Samples
from tests.browser import browsing, serving

PROBE = (Path(__file__).parent / "web_probe.js").read_text(encoding="utf-8")
UTTERANCES = ("1_name.wav", "3_more.wav", "5_able.wav", "2_private.wav")
PAUSE_S = 8.0
STORY = (
    "Once upon a time there was a lighthouse at the end of the world. Its keeper was an old woman who knew every ship"
    " by the sound of its bell. One night the lamp went out, and she carried a candle up the stairs, step by step,"
    " while the storm was howling around the tower."
)


class OpenPage:
    """A page of the server's in a browser, with the probe inside.

    Args:
        page: fresh.
        url: of the server.
        microphone: whether the visitor lets it hear them.

    Attributes:
        offsets: what the browser told about what it plays, twice a second of `wait`.
    """

    def __init__(self, page: Page, url: str, *, microphone: bool) -> None:
        self._page = page
        self._session = ""
        self.offsets: list[dict[str, float]] = []
        page.on("request", lambda request: self._note(request.url))
        page.add_init_script(PROBE)
        page.goto(url)
        page.click("#talk" if microphone else "#type")
        page.wait_for_function("probe.pictures.length > 0")

    def _note(self, url: str) -> None:
        if found := re.search(r"/api/sessions/([^/]+)/whep", url):
            self._session = found[1]

    @property
    def first_picture_ms(self) -> float:
        """From the navigation on."""
        first: float = self._page.evaluate("probe.pictures[0][0]")
        return first

    def say(self, text: str) -> None:
        """Has the avatar say something when nobody speaks."""
        self._page.evaluate(
            """([session, text]) => fetch(`/api/sessions/${session}/say`, {
                method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({text}) })""",
            [self._session, text],
        )

    def wait(self, seconds: float) -> None:
        """Lets the page go on, and asks it twice a second how far apart sound and picture are."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._page.wait_for_timeout(500)
            if (playing := self._page.evaluate("probe.offset()")) is not None:
                self.offsets.append(playing)

    def keep_sound(self) -> None:
        """From now on."""
        self._page.evaluate("probe.keepsSound = true")

    def sound(self) -> Samples:
        """What was kept: float32 [N] at 48 kHz."""
        kept = np.frombuffer(base64.b64decode(self._page.evaluate("probe.sound()")), np.int16)
        return kept.astype(np.float32) / 32768.0

    def talk(self) -> Talk:
        """Everything that was received and said so far."""
        pictures = self._page.evaluate("probe.pictures")
        return Talk(
            heard=np.array(self._page.evaluate("probe.heard.map((one) => one.slice(0, 2))")),
            said=np.array(self._page.evaluate("probe.said.map((one) => one.slice(0, 2))")).reshape(-1, 2),
            picture_ms=np.array([at for at, _ in pictures]),
            mouths=np.array([grey for _, grey in pictures], np.float32),
            states=self._page.evaluate("probe.states"),
        )


def microphone_file(folder: Path) -> tuple[Path, float]:
    """The questions, each after a pause, as one recording; and its seconds."""
    pieces = []
    for name in UTTERANCES:
        sound, rate = sf.read(QUESTIONS / name, dtype="float32")
        pieces += [np.zeros(round(PAUSE_S * OUTPUT_RATE_HZ), np.float32), soxr.resample(sound, rate, OUTPUT_RATE_HZ)]
    whole = np.concatenate(pieces)
    sf.write(folder / "microphone.wav", whole, OUTPUT_RATE_HZ, subtype="PCM_16")
    return folder / "microphone.wav", len(whole) / OUTPUT_RATE_HZ


def measure_openings(url: str, pages: int) -> None:
    """Opens pages one after the other; the first warms the server up."""
    opened = []
    with browsing() as browser:
        for _ in range(pages + 1):
            context = browser.new_context(bypass_csp=True)
            opened.append(OpenPage(context.new_page(), url, microphone=False).first_picture_ms)
            context.close()
    print_percentiles("page open → live face", opened[1:], "ms", "2000")


def measure_talk(url: str, minutes: float) -> None:
    """Talks, and interrupts a story with every utterance."""
    with tempfile.TemporaryDirectory() as folder:
        microphone, round_s = microphone_file(Path(folder))
        with browsing(microphone, loop=True) as browser:
            page = OpenPage(browser.new_context(bypass_csp=True).new_page(), url, microphone=True)
            until = time.monotonic() + 60 * minutes
            while time.monotonic() < until:
                page.say(STORY)
                page.wait(round_s / len(UTTERANCES))
            talk = page.talk()
    timings = talk_timings(talk)
    for what, found, goal in (
        ("user stops → page shows thinking", timings.thinking, ""),
        ("user stops → sound", timings.answers, "800 (p50)"),
        ("barge-in → silent", timings.silences, "400 (p95)"),
    ):
        if found:
            print_percentiles(what, found, "ms", goal)
    print(f"utterances without an answer: {timings.missed}")
    print_offsets(page)
    print_pictures(talk)


def measure_words(url: str) -> None:
    """Has a text said, and listens and looks."""
    with browsing() as browser:
        page = OpenPage(browser.new_context(bypass_csp=True).new_page(), url, microphone=False)
        page.wait(3.0)
        page.keep_sound()
        page.say(STORY)
        page.wait(22.0)
        talk, sound = page.talk(), page.sound()
    base = find_packaged("faster-whisper", "tiny.en")
    assert base is not None
    from faster_whisper import WhisperModel

    whisper = WhisperModel(str(packaged_path(base)), device="cpu", compute_type="int8", cpu_threads=1)
    pieces, _ = whisper.transcribe(soxr.resample(sound, OUTPUT_RATE_HZ, SPEECH_RATE_HZ), language="en", beam_size=5)
    heard = " ".join(piece.text.strip() for piece in pieces)
    expected = words_of(STORY, "en")
    print(f"words of the received voice: {word_errors(expected, words_of(heard, 'en'))} of {len(expected)} wrong")
    lag_ms, correlation = mouth_and_sound(talk)
    print(f"mouth behind sound: {lag_ms:.0f} ms (correlation {correlation:.2f})")
    print_offsets(page)
    print_pictures(talk)


def print_offsets(page: OpenPage) -> None:
    """How far apart sound and picture were played, once the browser had brought them together (3 s)."""
    settled = [one["offset"] for one in page.offsets[6:]]
    if settled:
        print_percentiles("sound behind picture", settled, "ms", "within 40")
        print("in the end:", ", ".join(f"{key} {value:.3g}" for key, value in page.offsets[-1].items()))


def print_pictures(talk: Talk) -> None:
    """How evenly they came."""
    spans = np.diff(talk.picture_ms)
    print(f"pictures a second: {1000 * len(spans) / spans.sum():.1f}")
    print_percentiles("between pictures", list(spans), "ms", "40")


def main() -> None:
    """Reads the command line, measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=5, help="opened one after the other (%(default)s)")
    parser.add_argument("--minutes", type=float, default=1.5, help="of talk (%(default)s)")
    parser.add_argument("--only", choices=("openings", "talk", "words"), help="one of the three parts")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as for visavis serve")
    arguments = parser.parse_args()
    print_machine(
        "aiortc", "av", "fastapi", "uvicorn", "playwright", "faster-whisper", threads="as served", seed="none"
    )
    # Who leaves may come back, and keeps the place for a while: there are enough of them.
    options = [word for setting in ("web.sessions=100", *arguments.set) for word in ("--set", setting)]
    with serving(*options) as server:
        if arguments.only in (None, "openings"):
            measure_openings(server.url, arguments.pages)
        if arguments.only in (None, "talk"):
            measure_talk(server.url, arguments.minutes)
        if arguments.only in (None, "words"):
            measure_words(server.url)


if __name__ == "__main__":
    main()
