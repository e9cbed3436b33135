"""Takes the pictures of the web page in docs/: in headless Chromium, in the middle of an answer.

    python -m scripts.draw_page
    python -m scripts.draw_page --all out/page

- --all FOLDER: every state, on phone, tablet, desktop and 4K, light and dark, to be looked at.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser import browsing, serving
from tests.test_web_page import LIVE, STATES, ask, tell

DOCS = Path(__file__).parent.parent / "docs"
SIZES = {"phone": (390, 844), "tablet": (820, 1180), "desktop": (1440, 900), "4k": (3840, 2160), "low": (844, 390)}
QUALITY = 82


def open_page(browser: Browser, url: str, size: str, theme: str) -> Page:
    """The page, live, in a window of this size; phones have twice the pixels."""
    width, height = SIZES[size]
    scale = 2 if size == "phone" else 1
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme=theme,  # type: ignore[arg-type]
        device_scale_factor=scale,
    )
    page.goto(url)
    page.wait_for_selector(LIVE)
    return page


def save(page: Page, path: Path) -> None:
    """Keeps what is seen."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.thumbnail((1440, 1100))
    picture.save(path, quality=QUALITY)
    print(f"{path} {picture.width}x{picture.height} {path.stat().st_size // 1000} kB")


def draw_docs(browser: Browser, url: str) -> None:
    """The page's two pictures in docs/: a real question and its real answer."""
    for size, theme, name in (("desktop", "dark", "page.jpg"), ("phone", "light", "page-phone.jpg")):
        page = open_page(browser, url, size, theme)
        page.get_by_role("button", name="Type instead").click()
        ask(page, "What can you do?")
        page.locator("#captions .avatar").wait_for()
        page.locator("#dock input").blur()
        page.wait_for_timeout(1200)
        save(page, DOCS / name)
        page.close()


def draw_states(browser: Browser, url: str, folder: Path) -> None:
    """Every state in every size."""
    folder.mkdir(parents=True, exist_ok=True)
    for size in SIZES:
        for theme in ("light", "dark"):
            page = open_page(browser, url, size, theme)
            for state, events in STATES.items():
                if state == "listening":
                    page.get_by_role("button", name="Type instead").click()
                    tell(page, "microphone", state="on")
                for kind, detail in events:
                    tell(page, kind, **detail)
                page.wait_for_timeout(700)
                save(page, folder / f"{size}-{theme}-{state}.jpg")
            page.get_by_role("button", name="Settings").click()
            page.get_by_role("radio", name="Ada").wait_for(state="attached")
            page.wait_for_timeout(500)
            save(page, folder / f"{size}-{theme}-settings.jpg")
            page.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Takes the pictures of the web page.")
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every state in every size")
    options = parser.parse_args()
    with serving("--set", "web.sessions=4") as server, browsing() as browser:
        if options.all:
            draw_states(browser, server.url, options.all)
        else:
            draw_docs(browser, server.url)
