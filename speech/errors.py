"""The errors that a person is meant to read: one line that says what was expected, what came, and what to do.

A broken contract between parts of the program is none of these: it is a ValueError or a RuntimeError, with a traceback.
"""


class VisavisError(Exception):
    """What went wrong, in one line. The command line prints it as it is; a live session reports it and goes on."""


class InputError(VisavisError):
    """Bad input or a missing part: the user's to mend. A command ends with status 2."""


class DeviceError(VisavisError):
    """A microphone, speaker, camera or screen that is not there, or is gone."""


class BackendError(VisavisError):
    """A recogniser, mind, voice or server that failed at its work: another try may go well."""


def one_line(text: str) -> str:
    """The same with line ends, control characters and undecodable bytes written as escapes."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
