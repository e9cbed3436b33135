"""The page in a real browser: it asks, sees a moving face, hears the answer; and every way in which that can fail."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from agent.commands.demo import QUESTIONS
from agent.tutor.progress import Progress
from speech.audio import SPEECH_RATE_HZ, Samples, resample
from tests.browser import CHROMIUM, SMALL, Server, browsing, serving
from tests.carriers import weights_of

expect.set_options(timeout=60_000)  # on a busy machine everything takes its time; nothing here is a measurement

pytestmark = [pytest.mark.chromium, pytest.mark.real_time]

AUDIT = (Path(__file__).parent / "page_audit.js").read_text(encoding="utf-8")
PROBE = (Path(__file__).parent.parent / "benchmarks" / "web_probe.js").read_text(encoding="utf-8")
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
WINDOW = {"width": 800, "height": 600}
"""Of a desktop, and small: Chromium draws it without a graphics card."""

LIVE = "#stage[data-picture=live][data-media=live]"


@pytest.fixture(scope="module")
def progress(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where learners are remembered."""
    return tmp_path_factory.mktemp("progress")


@pytest.fixture(scope="module")
def server(progress: Path) -> Iterator[Server]:
    # A place for each test: those who left may come back for a while, and the next would wait in the line.
    with serving(*SMALL, "--set", "web.sessions=16", "--set", f"tutor.progress={progress}") as server:
        yield server


@pytest.fixture(scope="module")
def browser(server: Server) -> Iterator[Browser]:
    """Hears the question for the name; its pages' policies hold."""
    with browsing(QUESTIONS / "1_name.wav", obeys_csp=True) as browser:
        yield browser


class Visitor:
    """A page in a context of its own, whose complaints are kept."""

    def __init__(self, browser: Browser, **options: object) -> None:
        self.context: BrowserContext = browser.new_context(**options)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.complaints: list[str] = []
        self.page.on("console", self._keep)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _keep(self, told: ConsoleMessage) -> None:
        if told.type == "error":
            self.complaints.append(told.text)

    def open(self, server: Server) -> Page:
        self.page.goto(server.url)
        self.page.wait_for_selector(LIVE)
        return self.page


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    visitor = Visitor(browser, viewport=WINDOW, reduced_motion="reduce")
    yield visitor
    visitor.context.close()
    assert visitor.complaints == []


def ask(page: Page, text: str) -> None:
    box = page.get_by_role("textbox", name="Your question")
    box.fill(text)
    box.press("Enter")


def tell(page: Page, kind: str, **detail: object) -> None:
    """What the server would tell."""
    page.evaluate(
        "([kind, detail]) => document.dispatchEvent(new CustomEvent(`visavis:${kind}`, { detail }))", [kind, detail]
    )


# ---- a conversation


@pytest.mark.measured
@pytest.mark.packaged("faster-whisper/tiny.en")
def test_it_asks_sees_a_face_that_speaks_and_hears_it(browser: Browser, server: Server) -> None:
    visitor = Visitor(browser, viewport=WINDOW, bypass_csp=True)  # what listens in comes from elsewhere
    visitor.page.add_init_script(PROBE)
    page = visitor.open(server)
    expect(page.locator("#why")).to_contain_text("let this page use your microphone")
    page.evaluate("probe.keepsSound = true; probe.region = [0.38, 0.57, 0.24, 0.14]")
    page.get_by_role("button", name="Talk").click()
    captions = page.get_by_role("log", name="Captions")
    expect(captions.locator(".visitor")).to_have_text(re.compile("what is your name", re.I))
    expect(captions.locator(".avatar")).to_contain_text("I'm Mira. Pleased to meet you.")
    expect(page.locator("#state")).to_have_text("Speaking")
    expect(page.locator("#state")).to_have_text("Ready: just speak")
    page.wait_for_timeout(500)
    page.evaluate("probe.keepsSound = false")
    ask(page, "What can you do?")  # a longer answer, of whose pictures enough come on a busy machine, too
    expect(page.locator("#state")).to_have_text("Speaking")
    expect(page.locator("#state")).to_have_text("Ready: just speak")
    settings = page.evaluate("visavis.microphone.track.getSettings()")
    assert settings["echoCancellation"] and settings["noiseSuppression"] and settings["autoGainControl"]
    assert not page.evaluate("document.getElementById('face').muted")
    tracks = page.evaluate("document.getElementById('face').srcObject.getTracks().map((track) => track.kind).sort()")
    assert tracks == ["audio", "video"]  # one stream: the browser keeps lips and sound together
    found = page.evaluate("({ loud: probe.heard, pictures: probe.pictures, pcm: probe.pcm.map((one) => [...one]) })")
    visitor.context.close()
    assert visitor.complaints == []

    pieces = [np.array(piece, np.float32) for piece in found["pcm"]]
    loud = [index for index, piece in enumerate(pieces) if np.abs(piece).max() > 0.02]
    heard = resample(np.concatenate(pieces[loud[0] : loud[-1] + 20]), 48_000, SPEECH_RATE_HZ)
    assert "mira" in transcribed(heard).lower()
    correlation, ratio = mouth_with_voice(found["loud"], found["pictures"])
    assert ratio > 1.5
    assert correlation > 0.15


def transcribed(sound: Samples) -> str:
    from faster_whisper import WhisperModel

    model = WhisperModel(str(weights_of("faster-whisper", "tiny.en")), device="cpu", compute_type="int8", cpu_threads=1)
    return " ".join(segment.text for segment in model.transcribe(sound, language="en")[0])


def mouth_with_voice(loud: list[list[float]], pictures: list[list[object]]) -> tuple[float, float]:
    """How the received mouth goes with the received voice, however many pictures came.

    From picture to picture: a head that nods, or looks away to think, moves slower than lips.

    Returns:
        correlation of the voice's loudness with how much the mouth's picture changes; and how many times more it does
        where the voice is loud than where it is silent.
    """
    times = np.array([picture[0] for picture in pictures], float)
    grey = np.array([picture[1] for picture in pictures], float)
    at, peak = np.array([one[0] for one in loud], float), np.array([one[1] for one in loud], float)
    loudness = np.array([peak[np.abs(at - time) < 100].max(initial=0.0) for time in times[1:]])
    speaks = loudness > 0.05
    assert speaks.sum() >= 10 and (~speaks).sum() >= 10
    changed = np.abs(np.diff(grey, axis=0)).mean(axis=1)
    return float(np.corrcoef(loudness, changed)[0, 1]), float(changed[speaks].mean() / changed[~speaks].mean())


def test_a_typed_question_is_answered_and_stopped(visitor: Visitor, server: Server) -> None:
    page = visitor.open(server)
    page.get_by_role("button", name="Type instead").click()
    ask(page, "What can you do?")
    expect(page.locator("#captions .visitor")).to_have_text("You: What can you do?")
    expect(page.locator("#state")).to_have_text("Speaking")
    page.wait_for_timeout(1000)  # some words are heard
    page.get_by_role("button", name="Stop speaking").click()
    expect(page.locator("#state")).to_have_text("Ready")
    expect(page.locator("#captions .avatar")).to_contain_text("–")  # cut off where it was heard


def test_a_reload_goes_on_with_the_conversation(visitor: Visitor, server: Server) -> None:
    page = visitor.open(server)
    page.get_by_role("button", name="Type instead").click()
    ask(page, "What is your name?")
    expect(page.locator("#captions .avatar")).to_contain_text("Mira")
    expect(page.locator("#state")).to_have_text("Ready")
    before = page.evaluate("visavis.conversation.id")
    page.reload()
    page.wait_for_selector(LIVE)
    assert page.evaluate("visavis.conversation.id") == before
    expect(page.locator("#captions .visitor")).to_have_text("You: What is your name?")
    expect(page.locator("#captions .avatar")).to_contain_text("Mira")
    expect(page.locator("#welcome")).to_be_hidden()  # it was typing before


def test_a_lost_connection_comes_back_with_its_conversation(visitor: Visitor, server: Server) -> None:
    page = visitor.open(server)
    before = page.evaluate("visavis.conversation.id")
    visitor.context.set_offline(True)
    # That leaves alone what is open already: streams and peers break as they would.
    page.evaluate("stop(); visavis.media.peer.close(); visavis.media.peer.onconnectionstatechange()")
    expect(page.locator("#notice")).to_contain_text("The connection is lost")
    visitor.context.set_offline(False)
    expect(page.locator("#notice")).to_contain_text("we go on where we were")
    page.wait_for_selector(LIVE)
    assert page.evaluate("visavis.conversation.id") == before
    visitor.complaints.clear()  # the browser's own, of requests while it was offline


# ---- without


def test_without_a_microphone_it_says_so_once_and_answers_what_is_typed(browser: Browser, server: Server) -> None:
    flags = [*CHROMIUM, "--deny-permission-prompts"]
    refusing = browser.browser_type.launch(executable_path="/usr/bin/chromium", args=flags)
    denied = Visitor(refusing, viewport=WINDOW)
    page = denied.open(server)
    page.get_by_role("button", name="Talk").click()
    expect(page.get_by_role("status")).to_contain_text("The microphone was not allowed")
    ask(page, "What is your name?")
    expect(page.locator("#captions .avatar")).to_contain_text("Mira")

    # Another site's page that embeds ours, and does not lend it the microphone.
    host = Visitor(refusing, viewport={"width": 420, "height": 560}, bypass_csp=True)
    host.page.route("**/host.html", lambda route: route.fulfill(body=EMBEDDING, content_type="text/html"))
    host.page.goto(f"{server.url}host.html")
    frame = host.page.frame_locator("iframe")
    frame.locator(LIVE).wait_for()
    frame.get_by_role("button", name="Talk").click()
    expect(frame.get_by_role("status")).to_contain_text("The page around this one does not lend it the microphone")
    refusing.close()
    assert host.complaints + denied.complaints == []


EMBEDDING = """<!doctype html><title>Ours</title>
<iframe src="./" width="400" height="520" allow="microphone 'none'"></iframe>"""


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("navigator.__proto__, 'mediaDevices'", "This browser does not let a page listen"),
        ("window, 'RTCPeerConnection'", "This browser can't show live pictures"),
    ],
)
def test_a_browser_that_lacks_something_still_answers(
    visitor: Visitor, server: Server, missing: str, sentence: str
) -> None:
    visitor.page.add_init_script(f"Object.defineProperty({missing}, {{ value: undefined }})")
    for gap in ("navigator.__proto__, 'locks'", "navigator.__proto__, 'userActivation'", "window, 'EventSource'"):
        visitor.page.add_init_script(f"Object.defineProperty({gap}, {{ value: undefined }})")
    page = visitor.page
    page.goto(server.url)
    page.get_by_role("button", name="Talk").click()
    expect(page.get_by_role("status")).to_contain_text(sentence)
    ask(page, "What is your name?")
    expect(page.locator("#captions .avatar")).to_contain_text("Mira")


# ---- for everybody


def test_the_keyboard_alone_is_enough(visitor: Visitor, server: Server) -> None:
    page = visitor.open(server)
    order = []
    for _ in range(5):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent.trim()"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", order[-1]
    assert order == ["Voice", "Captions", "Settings", "Talk", "Type instead"]
    page.keyboard.press("/")
    expect(page.get_by_role("textbox", name="Your question")).to_be_focused()
    page.keyboard.type("tell me a story, m and c and v")  # letters stay letters where one types
    expect(page.locator("#captions")).not_to_have_attribute("hidden", "")
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_have_text("Speaking")
    page.keyboard.press("Escape")
    expect(page.locator("#state")).to_have_text("Ready")
    page.keyboard.press("Tab")
    page.keyboard.press("c")
    expect(page.get_by_role("button", name="Captions")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press(",")
    sheet = page.get_by_role("dialog", name="Settings")
    expect(sheet).to_be_visible()
    sheet.get_by_role("checkbox", name="Keys work anywhere").uncheck()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.keyboard.press("c")
    expect(page.get_by_role("button", name="Captions")).to_have_attribute("aria-pressed", "false")


def test_settings_change_the_face_at_once_and_are_remembered(visitor: Visitor, server: Server) -> None:
    page = visitor.open(server)
    page.get_by_role("button", name="Settings").click()
    sheet = page.get_by_role("dialog", name="Settings")
    expect(sheet.get_by_role("radio", name="Ada")).to_be_attached()
    sheet.get_by_label("Emotion").select_option("happy")
    sheet.get_by_role("radio", name="Dark").check(force=True)
    sheet.get_by_role("radio", name="Large", exact=True).check(force=True)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("data-captions", "large")
    before = page.evaluate("visavis.conversation.id")
    sheet.get_by_role("radio", name="Ada").check(force=True)
    sheet.get_by_role("button", name="Begin").click()
    expect(sheet).to_be_hidden()
    page.wait_for_selector(LIVE)
    expect(page.locator("#who b")).to_have_text("Ada")
    assert page.evaluate("visavis.conversation.id") != before
    page.reload()
    page.wait_for_selector(LIVE)
    expect(page.locator("#who b")).to_have_text("Ada")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_question_typed_while_it_speaks_stands_below_the_answer(visitor: Visitor, server: Server) -> None:
    page = visitor.open(server)
    tell(page, "sentence", index=0, text="We are open")
    page.evaluate("visavis.captions.ask('And on Sunday?')")
    tell(page, "sentence", index=1, text="from nine to five.")
    tell(page, "turn", question="When?", heard="We are open from nine to five.", interrupted=False)
    tell(page, "sentence", index=0, text="No.")
    lines = page.locator("#captions p span:last-child")
    expect(lines).to_have_text(["We are open from nine to five.", "And on Sunday?", "No."])


def test_who_talks_into_an_answer_does_not_tear_its_caption(visitor: Visitor, server: Server) -> None:
    page = visitor.open(server)
    tell(page, "filler", text="Let me think.")
    lines = page.locator("#captions p span:last-child")
    expect(lines).to_have_text(["Let me think."])
    tell(page, "sentence", index=0, text="We are open")
    tell(page, "transcript", text="Mhm", final=False)
    tell(page, "sentence", index=1, text="from nine")
    tell(page, "transcript", text="Mhm.", final=True)
    tell(page, "transcript", text="Hm", final=False)
    tell(page, "sentence", index=2, text="to five.")
    tell(page, "transcript", text="", final=True)
    tell(page, "turn", question="When?", heard="We are open from nine to five.", interrupted=False)
    tell(page, "transcript", text="Did you lock the car?", final=True)
    expect(lines).to_have_text(["We are open from nine to five.", "Mhm.", "Did you lock the car?"])
    tell(page, "unanswered", why="asleep")
    expect(lines).to_have_text(["We are open from nine to five.", "Mhm."])


def test_a_paused_answer_shows_it_and_who_must_be_called_says_how(visitor: Visitor, server: Server) -> None:
    page = visitor.open(server)
    page.get_by_role("button", name="Type instead").click()
    pause = page.get_by_role("button", name="Pause")
    expect(pause).to_have_attribute("aria-disabled", "true")
    ask(page, "What can you do?")
    expect(page.locator("#state")).to_have_text("Speaking")
    pause.click()
    expect(page.locator("#state")).to_have_text("Paused")
    expect(pause).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("getComputedStyle(document.getElementById('lamp')).backgroundColor") != "rgba(0, 0, 0, 0)"
    page.keyboard.press("p")
    expect(page.locator("#state")).to_have_text("Speaking")
    page.keyboard.press("Escape")
    expect(page.locator("#state")).to_have_text("Ready")
    tell(page, "attention", awake=False, call="hey Mira")
    expect(page.get_by_role("status")).to_contain_text("Say “hey Mira”")
    tell(page, "attention", awake=True, call="hey Mira")
    expect(page.get_by_role("status")).to_have_text("")


def test_a_learner_agrees_with_a_tick_and_is_forgotten_without_it(
    visitor: Visitor, server: Server, progress: Path
) -> None:
    page = visitor.page
    page.goto(f"{server.url}?lesson=english")
    lesson, kept = page.get_by_role("region", name="Lesson"), page.get_by_role("checkbox", name="Remember my progress")
    expect(lesson).to_contain_text("1 of 12")
    lesson.locator("summary").click()
    expect(kept).not_to_be_checked()
    kept.check()
    page.get_by_role("textbox", name="The name under which").fill("Robert")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log", name="Captions")).to_contain_text("Robert")
    expect(kept).to_be_checked()
    page.get_by_role("button", name="Type instead").click()
    ask(page, "went")
    expect(lesson).to_contain_text("2 of 12")
    assert Progress(progress).known("Robert") == "Robert"
    page.reload()
    expect(lesson).to_contain_text("2 of 12")
    lesson.locator("summary").click()
    kept.uncheck()
    expect(kept).not_to_be_checked()
    page.wait_for_timeout(1000)  # the deletion is asked for, and answered
    assert Progress(progress).known("Robert") == ""


STATES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "welcome": [],
    "listening": [("transcript", {"text": "What can I do with", "final": False}), ("state", {"state": "listening"})],
    "thinking": [("transcript", {"text": "What can I do here?", "final": True}), ("state", {"state": "thinking"})],
    "speaking": [("sentence", {"index": 0, "text": "Ask me about this place."}), ("state", {"state": "speaking"})],
    "paused": [("state", {"state": "listening"}), ("paused", {"paused": True})],
    "asleep": [("paused", {"paused": False}), ("attention", {"awake": False, "call": "hey Mira"})],
    "lesson": [
        (
            "lesson",
            {"title": "In a café", "goal": "Order a drink.", "number": 2, "total": 6, "right": 1}
            | {"is_over": False, "is_remembered": False},
        )
    ],
    "waiting": [("link", {"link": "waiting", "place": 2})],
    "refused": [("microphone", {"state": "unavailable", "why": "No microphone was found; you can type instead."})],
    "over": [("link", {"link": "over", "why": ""})],
}


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_every_state_has_names_contrast_and_room(
    browser: Browser, server: Server, size: dict[str, int], tmp_path: Path
) -> None:
    visitor = Visitor(browser, viewport=size, reduced_motion="reduce")
    page = visitor.open(server)
    for state, events in STATES.items():
        if state == "listening":
            page.get_by_role("button", name="Type instead").click()
        for kind, detail in events:
            tell(page, kind, **detail)
        look(page, tmp_path / f"{state}.png")
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("radio", name="Ada")).to_be_attached()
    look(page, tmp_path / "settings.png")
    visitor.context.close()
    assert visitor.complaints == []


def look(page: Page, screenshot: Path) -> None:
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        found = page.evaluate(AUDIT)
        if found != {"unnamed": [], "duplicates": [], "faint": [], "small": []}:
            page.screenshot(path=screenshot)
            raise AssertionError(f"{screenshot}, {theme}: {json.dumps(found, indent=1)}")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{screenshot.stem}: {wide} px wider than the window"
