"""What every answer tells the browser it must not do."""

from __future__ import annotations

from collections.abc import Mapping

from agent.web.safety.access import Access
from agent.web.safety.sign_in import STYLE_SOURCE

EMBED_SCRIPT = "/embed.js"
"""The one file that other sites' pages load."""


def safety_headers(access: Access) -> Mapping[str, str]:
    """The headers of every answer."""
    embedders = " ".join(("'self'", *access.embed_origins))
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' {STYLE_SOURCE}" if access.token else "'self'",
        "img-src": "'self' data: blob:",
        "media-src": "'self' blob:",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": embedders,
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        # Whether a page that embeds ours lets it have the microphone is that page's to say, in its own allow="…".
        "Permissions-Policy": "microphone=(self), autoplay=(self), fullscreen=(self), screen-wake-lock=(self), "
        "camera=(), geolocation=(), display-capture=(), payment=(), usb=()",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
