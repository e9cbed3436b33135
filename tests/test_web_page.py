"""The page in a real browser: it asks, sees a moving face, hears the answer."""

from __future__ import annotations

import pytest

from agent.commands.demo import QUESTIONS
from tests.browser import browsing, serving

pytestmark = [pytest.mark.chromium, pytest.mark.real_time]


def test_a_question_is_answered() -> None:
    with serving() as server, browsing(QUESTIONS / "1_name.wav") as browser:
        page = browser.new_page()
        page.goto(server.url)
        page.click("#talk")
        page.wait_for_function("document.getElementById('face').videoWidth == 512")
        page.wait_for_function("document.getElementById('captions').textContent.includes(\"I'm Mira.\")")
