"""The one error that a user is meant to read."""


class InputError(Exception):
    """Bad input or a missing part: one line that says what was expected, what came, and what to do.

    The command line prints it as it is and exits with status 2; a live session reports it and goes on.
    """


def one_line(text: str) -> str:
    """The same with line ends, control characters and undecodable bytes written as escapes."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
