"""Whether the server on this machine answers and takes visitors: exit status 0, else 1. For containers."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request

PORT = os.environ.get("VISAVIS_WEB__PORT", "8080")

try:
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/api/ready", timeout=4) as answer:
        sys.exit(answer.status != 200)
except (OSError, urllib.error.URLError) as error:
    sys.exit(f"not ready: {error}")
