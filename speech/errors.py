"""The errors that a person is meant to read: one line that says what was expected, what came, and what to do.

A broken contract between parts of the program is none of these: it is a ValueError or a RuntimeError, with a traceback.
"""


class VisavisError(Exception):
    """What went wrong, in one line. The command line prints it as it is; a live session reports it and goes on.

    Attributes:
        status: the exit status of a command that ends with it.
    """

    status = 1


class InputError(VisavisError):
    """Bad input or a missing part: the user's to mend. Starting again changes nothing."""

    status = 2


class DeviceError(VisavisError):
    """A microphone, speaker, camera or screen that is not there, or is gone, or a sound system that hangs."""

    status = 3


class BackendError(VisavisError):
    """A recogniser, mind, voice, server or worker process that failed at its work: another try may go well."""

    status = 4


def error_named(kind: object, message: str) -> VisavisError:
    """The error that a worker process told of: of the class that it names, if it is one of these, else a backend's."""
    kinds: dict[object, type[VisavisError]] = {"InputError": InputError, "DeviceError": DeviceError}
    return kinds.get(kind, BackendError)(message)


def one_line(text: str) -> str:
    """The same with line ends, control characters and undecodable bytes written as escapes."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def first_of_ours(error: BaseException) -> VisavisError | None:
    """The first error in it that is meant for people."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for inner in error.exceptions if (found := first_of_ours(inner)) is not None), None)
    return error if isinstance(error, VisavisError) else None
