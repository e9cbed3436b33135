"""The page that asks a visitor for the token; all of it is in one answer, as nothing else is told without the token."""

from __future__ import annotations

import base64
import hashlib

from starlette.responses import HTMLResponse, Response

_STYLE = """
:root { color-scheme: light dark; font: 1.0625rem/1.5 system-ui, sans-serif; }
body { display: grid; place-items: center; min-height: 100vh; margin: 0; }
main { padding: 1.5rem; max-width: 22rem; }
h1 { font-size: 1.5rem; margin: 0 0 0.25rem; }
form { display: grid; gap: 0.75rem; }
label { display: grid; gap: 0.25rem; }
input, button { font: inherit; padding: 0.6rem 0.9rem; border-radius: 0.75rem; border: 1px solid GrayText; }
button { background: #0c665c; border-color: #0c665c; color: #fff; }
"""

STYLE_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
"""What a content-security policy calls the page's style."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Visavis</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>Who is there?</h1>
<p>{why}</p>
<form>
<label>Token <input type="password" name="token" autocomplete="current-password" required autofocus></label>
<button>Come in</button>
</form>
</main>
</body>
</html>
"""


def sign_in_page(why: str) -> Response:
    """The page.

    Args:
        why: it is shown; a sentence of ours.
    """
    return HTMLResponse(_PAGE.format(style=_STYLE, why=why), 401)
