"""The error tree. Branches say *who must act*; each error has a stable code, an exit code and a next step.

    SixfoldError
    ├── UsageError              the person at the keyboard: a flag, a request, an attachment     exit 2
    │   ├── RequestError            empty request, unreadable attachment
    │   ├── RepositoryError         not a repository, cannot be applied
    │   └── RunNotFound             no run of that name
    ├── ConfigurationError      the operator: settings, keys, installation                       exit 2
    ├── ModelError              the model or its server                                          exit 8
    │   ├── ModelUnavailable        not reachable, overloaded, refused; retry_after_s if it said
    │   ├── ModelMisconfigured      unknown model, no key: nothing was sent                      exit 2
    │   ├── ContextTooLong          the request does not fit the model
    │   └── InvalidReply            the answer could not be read, after one correction round
    ├── SandboxUnavailable      no real isolation here                                           exit 7
    ├── BudgetExceeded          which cap, spent, allowed; the run pauses                        exit 4
    ├── Halted                  the run stops where it was asked to; it goes on with resume          exit 4
    ├── ReplayDrift             a request is not in the cassette; shows the nearest              exit 6
    ├── StorageError            the state folder: disk full, locked, damaged                     exit 1
    └── InvalidData             a stored or received value has the wrong shape                   exit 1

Failing tests, findings, rejections and "gave up after n repairs" are values in results, never exceptions.
"""

from __future__ import annotations


class SixfoldError(Exception):
    """Root of every error that a person is told about.

    Attributes:
        code: stable, dotted-free identifier for scripts.
        exit_code: what the command line returns (see `docs/reference/exit-codes.md`).
        why: one line of cause, may be empty.
        next: what to do now, ideally an exact command, may be empty.
    """

    code = "error"
    exit_code = 1

    def __init__(self, what: str, *, why: str = "", next: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.next = next

    def __reduce__(self) -> tuple[object, ...]:
        # Errors are stored and sent between processes; keyword-only fields need their own path.
        return (_rebuild, (type(self), self.what, {**self.__dict__}))


def _rebuild(kind: type[SixfoldError], what: str, fields: dict[str, object]) -> SixfoldError:
    error = kind.__new__(kind)
    Exception.__init__(error, what)
    error.__dict__.update(fields)
    return error


class UsageError(SixfoldError):
    """The person must change what they typed."""

    code = "usage"
    exit_code = 2


class RequestError(UsageError):
    """The request or an attachment cannot be read."""

    code = "request"


class RepositoryError(UsageError):
    """The user's folder or its git state does not allow the operation; nothing was changed."""

    code = "repository"


class RunNotFound(UsageError):
    """No run of that name in the state folder."""

    code = "run-not-found"


class ConfigurationError(SixfoldError):
    """The operator must change a setting, a key or the installation."""

    code = "configuration"
    exit_code = 2


class ModelError(SixfoldError):
    """The model or its server did not do its part."""

    code = "model"
    exit_code = 8


class ModelUnavailable(ModelError):
    """Not reachable, overloaded or refused, after our own retries.

    Attributes:
        retry_after_s: seconds the server asked us to wait, or None.
    """

    code = "model-unavailable"

    def __init__(self, what: str, *, why: str = "", next: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(what, why=why, next=next)
        self.retry_after_s = retry_after_s


class ModelMisconfigured(ModelError):
    """Unknown model or missing key: nothing was sent and nothing was spent."""

    code = "model-misconfigured"
    exit_code = 2


class ContextTooLong(ModelError):
    """The request does not fit the model's context."""

    code = "context-too-long"


class InvalidReply(ModelError):
    """The model's answer could not be read even after one correction round."""

    code = "invalid-reply"


class SandboxUnavailable(SixfoldError):
    """No backend gives real isolation here, so nothing generated was run."""

    code = "sandbox-unavailable"
    exit_code = 7


class BudgetExceeded(SixfoldError):
    """A cap would be passed by the next call; it was not made.

    Attributes:
        cap: "usd" or "tokens", with the scope before a colon when nested (`run:usd`, `task:T2:tokens`).
        spent: already settled, in the cap's unit.
        reserved: what the refused call could have cost at most.
        allowed: the cap.
    """

    code = "budget"
    exit_code = 4

    def __init__(self, what: str, *, cap: str, spent: float, reserved: float, allowed: float, next: str = "") -> None:
        super().__init__(what, next=next)
        self.cap = cap
        self.spent = spent
        self.reserved = reserved
        self.allowed = allowed


class Halted(SixfoldError):
    """The run stops here because it was asked to; nothing is wrong and nothing is lost."""

    code = "halted"
    exit_code = 4


class ReplayDrift(SixfoldError):
    """A replayed run asked something that was not recorded.

    Attributes:
        difference: a readable diff against the nearest recorded request.
    """

    code = "replay-drift"
    exit_code = 6

    def __init__(self, what: str, *, difference: str = "", why: str = "", next: str = "") -> None:
        super().__init__(what, why=why, next=next)
        self.difference = difference


class StorageError(SixfoldError):
    """The state folder cannot be read or written; what was acknowledged before is kept."""

    code = "storage"


class InvalidData(SixfoldError):
    """A stored or received value has the wrong shape."""

    code = "invalid-data"
