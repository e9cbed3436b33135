"""A worker that says which of its environment it sees while it loads."""

from __future__ import annotations

import os
from typing import Any

from speech.worker.main import Call, Work, serve


def load(setup: dict[str, Any]) -> Work:
    """Looks at the variables that the setup names."""
    seen = {name: os.environ.get(name, "") for name in setup["names"]}

    def answer(call: Call) -> None:
        call.emit(seen)

    return answer


if __name__ == "__main__":
    serve(load)
