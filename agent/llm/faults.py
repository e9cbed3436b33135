"""What went wrong with an OpenAI-compatible server, in words that say what to check."""

from __future__ import annotations

import email.utils
import math
import re
import time

from agent.llm.stream import NO_CHAT, ServerFault, reason_in
from agent.text.foreign_text import redact_credentials, shortened
from speech.errors import VisavisError

BROKEN_OFF = "the reply broke off before its end"
_LONGEST_REASON = 200


def what_went_wrong(error: Exception, *, model: str, key_variable: str, has_key: bool, names_v1: bool) -> str:
    """One line about an error of the client's or of our own; what the server wrote in it is bounded.

    Args:
        error: what was raised.
        model: that was asked for; "" for the server's first.
        key_variable: environment variable for the key; "" for none.
        has_key: whether there is a key in it.
        names_v1: whether the address ends as most such addresses do.
    """
    import httpx
    import openai

    hint = "" if names_v1 else "; does mind.base_url end in /v1?"
    match error:
        case ServerFault() | VisavisError():
            return str(error)
        case TimeoutError() | openai.APITimeoutError() | httpx.TimeoutException():
            return "the server does not answer, or stopped in the middle of its reply"
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            state = "is not the right one" if has_key else "is not set"
            return f"the server wants a key, and {key_variable or 'mind.api_key_env'} {state}"
        case openai.NotFoundError():
            wanted = f"the model '{model}'" if model else "this address"
            return f"the server does not know {wanted}{_reason(error)}; check mind.model{hint}"
        case openai.RateLimitError():
            return f"the server has too much to do, or the account is used up{_reason(error)}{_pause(error)}"
        case openai.APIStatusError():
            if 300 <= error.status_code < 400:
                return _redirect(error.response.headers.get("Location", ""))
            return f"the server answered with status {error.status_code}{_reason(error)}{_pause(error)}"
        case openai.APIConnectionError():
            return _no_connection(error.__cause__)
        case openai.APIError():
            return f"the server reports an error{_reason(error)}"
        case httpx.HTTPError() | OSError():
            return BROKEN_OFF
    return f"{NO_CHAT} ({type(error).__name__})"


def lost_connection(error: Exception) -> bool:
    """Whether a connection ended before anything of the answer came, as one does that was idle for too long."""
    import httpx

    lost = httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError
    return isinstance(error.__cause__, lost)


def retry_after_s(error: Exception) -> float | None:
    """How long a server that is busy wants to be left alone, seconds; None where it is not that, or does not say."""
    import openai

    if not isinstance(error, openai.APIStatusError) or error.status_code not in (429, 503):
        return None
    return seconds_in(error.response.headers.get("Retry-After", ""))


def seconds_in(value: str) -> float | None:
    """What the header Retry-After says: seconds, or a date; None where it is neither."""
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        return float(value)
    try:
        at_s = email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, math.ceil(at_s - time.time()))


def _no_connection(cause: BaseException | None) -> str:
    if isinstance(cause, ServerFault):  # found between the response's head and its body
        return str(cause)
    why = shortened(str(cause), _LONGEST_REASON) if cause is not None else ""
    if "CERTIFICATE" in why:
        return f"could not connect ({why}); SSL_CERT_FILE names a certificate of your own"
    if "SSL" in why:
        return f"could not connect ({why}); does mind.base_url begin with http:// where the server speaks no TLS?"
    return f"could not connect{f' ({why})' if why else ''}; is the server running, and mind.base_url right?"


def _redirect(location: str) -> str:
    # What stands before an @ or after a ? may be somebody's secret.
    target = shortened(redact_credentials(location).partition("?")[0], _LONGEST_REASON)
    return f"the server sends us on to '{target}', where nothing follows; set mind.base_url to the right address"


def _reason(error: object) -> str:
    """What the server says of it, in brackets; a page of HTML is nothing to read out."""
    body = getattr(error, "body", None)
    reason = "" if isinstance(body, str) and body.lstrip().startswith("<") else reason_in(body)
    return f" {shortened(reason, _LONGEST_REASON)}" if reason else ""


def _pause(error: Exception) -> str:
    pause_s = retry_after_s(error)
    return f"; it asks for a pause of {pause_s:.0f} s" if pause_s else ""
