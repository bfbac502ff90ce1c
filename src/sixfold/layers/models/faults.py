"""What a provider's failure means for us: fix a setting, wait, shorten, or give up."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sixfold.domain.errors import ContextTooLong, ModelError, ModelMisconfigured, ModelUnavailable
from sixfold.layers.models.adapter import Transient

_MOST_CHARS = 300

_TOO_LONG = (
    "context_length_exceeded",
    "maximum context length",
    "context length",
    "context window",
    "prompt is too long",
    "input is too long",
    "too many tokens",
    "input token count",
    "exceeds the available context size",
)
_NO_QUOTA = ("insufficient_quota", "billing", "credit balance", "quota exceeded for the day")
_REFUSED = ("content_filter", "content management policy", "safety system")


class Rejected(ModelUnavailable):
    """The server refused the form of the request (HTTP 400 or 422) and said nothing that names another cause."""


class Refused(ModelError):
    """The server's own filter refused the content."""


@contextlib.contextmanager
def translated(model: str) -> Iterator[None]:
    """Turn pydantic-ai's and its SDKs' errors into ours.

    Raises:
        ModelMisconfigured: key, model name or address is wrong.
        ContextTooLong: the request does not fit.
        Transient: may pass by itself.
        Rejected: the server wants another form of request.
        ModelUnavailable: will not pass by itself (no credit left).
    """
    # Late: pydantic-ai takes a second or two to import.
    from pydantic_ai.exceptions import (
        ModelAPIError,
        ModelConnectionError,
        ModelHTTPError,
        UnexpectedModelBehavior,
        UserError,
    )

    try:
        yield
    except ModelHTTPError as error:
        raise _from_status(model, error.status_code, _said(error.body), error.retry_after) from error
    except ModelConnectionError as error:
        reached = error.phase in ("read", "write") or (error.phase is None and _was_reached(error))
        what = f"{model} did not answer" if reached else f"{model} cannot be reached"
        raise Transient(
            what,
            why=_root(error),
            next="check the address, the proxy and the network; `sixfold resume` asks again",
            reached=reached,
            billed=reached,
        ) from error
    except ModelAPIError as error:
        raise Transient(
            f"{model} failed", why=_cut(str(error)), next="`sixfold resume` asks again", billed=True
        ) from error
    except UnexpectedModelBehavior as error:
        raise _unreadable(model, error) from error
    except UserError as error:
        raise ModelMisconfigured(f"{model} cannot be used", why=_cut(str(error)), next="see: sixfold models") from error
    except ValueError as error:
        # SDKs let a body that is not JSON through as a ValueError (JSONDecodeError, pydantic.ValidationError).
        raise _unreadable(model, error) from error


def _unreadable(model: str, error: Exception) -> Transient:
    return Transient(
        f"{model} sent an answer that is not in its own format",
        why=_cut(str(error)),
        next="check that the address is the API's (often it ends in /v1)",
        billed=True,
    )


def _from_status(model: str, status: int, said: str, retry_after_s: float | None) -> ModelError:
    lower = said.lower()
    why = f"HTTP {status}: {_cut(said)}" if said else f"HTTP {status}"
    if status == 413 or (status in (400, 422) and any(sign in lower for sign in _TOO_LONG)):
        return ContextTooLong(
            f"the request does not fit {model}", why=why, next="use a model with a larger context: -m PROVIDER:NAME"
        )
    if status == 402 or (status in (400, 429) and any(sign in lower for sign in _NO_QUOTA)):
        return ModelUnavailable(
            f"{model}: the account has no credit or quota left", why=why, next="top it up, then `sixfold resume`"
        )
    if status == 401 or status == 403:
        return ModelMisconfigured(
            f"{model}: the key was refused",
            why=why,
            next="check the provider's key variable, and that it may use this model",
        )
    if status == 404:
        return ModelMisconfigured(
            f"{model}: no such model at this address",
            why=why,
            next="check the model's name and the base URL: sixfold models",
        )
    if status in (408, 409, 425, 429) or status >= 500:
        return Transient(
            f"{model} is overloaded or failing",
            why=why,
            next="`sixfold resume` asks again",
            retry_after_s=retry_after_s,
        )
    if any(sign in lower for sign in _REFUSED):
        return Refused(f"{model} refused the request's content", why=why)
    return Rejected(f"{model} rejected the request", why=why, next="try another model: -m PROVIDER:NAME")


def _said(body: object) -> str:
    """The one sentence in an error body that a person wants to read."""
    if isinstance(body, dict):
        inner = body.get("error", body)
        if isinstance(inner, dict):
            code = str(inner.get("code") or inner.get("type") or inner.get("status") or "")
            message = str(inner.get("message") or "")
            return f"{code}: {message}" if code and message else message or code
        return str(inner)
    return "" if body is None else str(body)


def _root(error: BaseException) -> str:
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return _cut(str(error) or type(error).__name__)


def _was_reached(error: BaseException) -> bool:
    text = _root(error).lower()
    return not any(sign in text for sign in ("connect", "refused", "name or service", "resolution", "unreachable"))


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARS else line[: _MOST_CHARS - 1] + "…"
