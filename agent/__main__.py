"""The program's beginning: `visavis` or `python -m agent`. Nothing heavy is imported before signals are handled."""

from __future__ import annotations

import sys

from agent.console import streams
from speech.worker import signals


def main() -> None:
    """Runs one command and exits, with the status that `agent.command_line.run` gives."""
    with signals.handled(is_empty=True):
        streams.prepare()
        from agent.command_line import run

        status = run()
    sys.exit(status)


if __name__ == "__main__":
    main()
