"""The whole tree of errors; nothing else ever leaves Interlingua.

InterlinguaError
 ├─ ConfigError            the configuration cannot be used
 ├─ CredentialMissing      no key for this provider was found
 ├─ AuthenticationFailed   the provider refused the key
 ├─ PermissionDenied       the key is good, but may not do this
 ├─ ModelNotFound          no such model; `suggestions` holds near names
 ├─ Unsupported            the target cannot do this; `alternatives` can
 ├─ InvalidRequest         the request is malformed at `path`
 ├─ ContextTooLong         more tokens than the model takes
 ├─ ContentFiltered        a safety system refused the prompt
 ├─ RateLimited            too many requests; `retry_after` seconds, `scope`
 ├─ QuotaExceeded          the provider account has no credit left
 ├─ BudgetExceeded         our own budget is spent
 ├─ Overloaded             the provider has no capacity now
 ├─ UpstreamError          the provider failed or answered nonsense
 ├─ ConnectionFailed       the provider could not be reached
 ├─ TimedOut               `phase`: connect, first_byte, idle
 ├─ StreamInterrupted      the answer broke off; `partial` and `usage` hold what came
 ├─ NotFound               `what` does not exist
 ├─ Conflict               the thing changed or went away in the meantime
 ├─ LocalFileError         a file or the disk of this machine failed at `path`
 └─ Cancelled              the caller stopped it

Each class knows its code, its exit code, the HTTP status it becomes, whose fault it is and whether another
try may succeed; each instance adds a message and a one-line remedy. Rules: contracts §3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, TypedDict, Unpack

if TYPE_CHECKING:
    from interlingua.types.response import ChatResponse
    from interlingua.types.usage import Usage

Fault = Literal["caller", "gateway", "provider"]


class Common(TypedDict, total=False):
    """What every error may be given: the arguments of `InterlinguaError`, by keyword."""

    remedy: str | None
    provider: str | None
    model: str | None
    request_id: str | None
    retryable: bool | None
    raw_code: str | None


class InterlinguaError(Exception):
    """Base of everything that Interlingua raises.

    Args:
        message: what happened, one line, without secrets.
        remedy: what the reader can do about it; a default per class stands in.
        provider: id of the provider concerned, if any.
        model: the model concerned, if any.
        request_id: the provider's own id of the failed request, if it gave one.
        retryable: overrides the class's answer to "may another try succeed?".
        raw_code: the provider's own word for the error.
    """

    code: ClassVar[str] = "internal_error"
    exit_code: ClassVar[int] = 1
    status_hint: ClassVar[int] = 500
    fault: Fault = "gateway"
    retryable: bool = False
    remedy: str = "Please report this, with the output of the same command under --debug."

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        request_id: str | None = None,
        retryable: bool | None = None,
        raw_code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.model = model
        self.request_id = request_id
        self.raw_code = raw_code
        if remedy:
            self.remedy = remedy
        if retryable is not None:
            self.retryable = retryable

    @property
    def status(self) -> int:
        """The HTTP status that this error becomes towards a client."""
        return self.status_hint


class ConfigError(InterlinguaError):
    """The configuration cannot be used; the message names file, key and reason."""

    code = "config_error"
    exit_code = 78
    remedy = "Correct the configuration; the message names the file and the key."


class CredentialMissing(InterlinguaError):
    """No credential for the provider was found; `looked_in` lists where, `alternative` a model that needs none."""

    code = "credential_missing"
    exit_code = 77
    status_hint = 401
    fault = "caller"
    remedy = "Set the provider's API key."

    def __init__(
        self,
        message: str,
        *,
        looked_in: Sequence[str] = (),
        alternative: str | None = None,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(message, **common)
        self.looked_in = tuple(looked_in)
        self.alternative = alternative


class AuthenticationFailed(InterlinguaError):
    """The provider does not accept the credential."""

    code = "authentication_failed"
    exit_code = 77
    status_hint = 401
    fault = "caller"
    remedy = "Check the provider's API key: it may be mistyped, revoked or of another account."


class PermissionDenied(InterlinguaError):
    """The credential is valid but may not do this."""

    code = "permission_denied"
    exit_code = 77
    status_hint = 403
    fault = "caller"
    remedy = "Ask for access in the provider's console, or use another model."


class ModelNotFound(InterlinguaError):
    """No such model; `suggestions` holds the nearest known names."""

    code = "model_not_found"
    exit_code = 64
    status_hint = 404
    fault = "caller"
    remedy = "List what there is with `il models`."

    def __init__(self, message: str, *, suggestions: Sequence[str] = (), **common: Unpack[Common]) -> None:
        super().__init__(message, **common)
        self.suggestions = tuple(suggestions)
        if suggestions and not common.get("remedy"):
            self.remedy = "Did you mean " + " or ".join(suggestions) + "?"


class Unsupported(InterlinguaError):
    """The target cannot do what is asked.

    `feature` names it, `path` says where in the request it stands, `alternatives` lists models that can.
    """

    code = "unsupported"
    exit_code = 64
    status_hint = 400
    fault = "caller"
    remedy = "Leave it out, or use a model that can do it."

    def __init__(
        self,
        message: str,
        *,
        feature: str = "",
        path: str = "",
        alternatives: Sequence[str] = (),
        **common: Unpack[Common],
    ) -> None:
        super().__init__(message, **common)
        self.feature = feature
        self.path = path
        self.alternatives = tuple(alternatives)
        if alternatives and not common.get("remedy"):
            self.remedy = "Use a model that can: " + ", ".join(alternatives)


class InvalidRequest(InterlinguaError):
    """The request is malformed; `path` says where, as in `messages[2].content[0].text`."""

    code = "invalid_request"
    exit_code = 64
    status_hint = 400
    fault = "caller"
    remedy = "Correct the request; the message names the field."

    def __init__(self, message: str, *, path: str = "", status: int | None = None, **common: Unpack[Common]) -> None:
        super().__init__(message, **common)
        self.path = path
        self._status = status

    @property
    def status(self) -> int:
        return self._status or self.status_hint


class ContextTooLong(InterlinguaError):
    """The prompt holds more tokens than the model takes; `limit` and `estimate` in tokens where known."""

    code = "context_too_long"
    exit_code = 64
    status_hint = 400
    fault = "caller"
    remedy = "Shorten the conversation, or use a model with a larger context."

    def __init__(
        self,
        message: str,
        *,
        limit: int | None = None,
        estimate: int | None = None,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(message, **common)
        self.limit = limit
        self.estimate = estimate


class ContentFiltered(InterlinguaError):
    """A safety system refused the prompt before any answer."""

    code = "content_filtered"
    exit_code = 64
    status_hint = 400
    fault = "caller"
    remedy = "Rephrase the request, or use another model."


class RateLimited(InterlinguaError):
    """Too many requests or tokens; `retry_after` in seconds where known, `scope` says of what."""

    code = "rate_limited"
    exit_code = 75
    status_hint = 429
    fault = "provider"
    retryable = True
    remedy = "Wait and try again, or use another model."

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        scope: str = "",
        **common: Unpack[Common],
    ) -> None:
        super().__init__(message, **common)
        self.retry_after = retry_after
        self.scope = scope


class QuotaExceeded(InterlinguaError):
    """The provider account has run out of credit; waiting does not help."""

    code = "quota_exceeded"
    exit_code = 75
    status_hint = 429
    fault = "provider"
    remedy = "Top up the account in the provider's console, or use another provider."


class BudgetExceeded(InterlinguaError):
    """A budget that we keep is spent, or reserved by calls that run; `scope` says whose, as `key bench`.

    `resets` is when its next period begins, in seconds since 1970; `retry_after` seconds until another try may
    succeed; both None where unknown or never.
    """

    code = "budget_exceeded"
    exit_code = 75
    status_hint = 429
    fault = "gateway"
    remedy = "Raise the budget, or wait for its next period."

    def __init__(
        self,
        message: str,
        *,
        scope: str = "",
        resets: float | None = None,
        retry_after: float | None = None,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(message, **common)
        self.scope = scope
        self.resets = resets
        self.retry_after = retry_after


class Overloaded(InterlinguaError):
    """The provider has no capacity at the moment; `retry_after` in seconds where known."""

    code = "overloaded"
    exit_code = 75
    status_hint = 503
    fault = "provider"
    retryable = True
    remedy = "Try again shortly, or use another model."

    def __init__(self, message: str, *, retry_after: float | None = None, **common: Unpack[Common]) -> None:
        super().__init__(message, **common)
        self.retry_after = retry_after


class UpstreamError(InterlinguaError):
    """The provider failed, or answered something that is not its format; `upstream_status` as it sent it."""

    code = "upstream_error"
    exit_code = 69
    status_hint = 502
    fault = "provider"
    retryable = True
    remedy = "Try again; if it stays, look at the provider's status page."

    def __init__(self, message: str, *, upstream_status: int | None = None, **common: Unpack[Common]) -> None:
        super().__init__(message, **common)
        self.upstream_status = upstream_status


class ConnectionFailed(InterlinguaError):
    """The provider could not be reached, or the connection broke before an answer began."""

    code = "connection_failed"
    exit_code = 69
    status_hint = 502
    fault = "provider"
    retryable = True
    remedy = "Check the network, the proxy settings and the provider's address."


class TimedOut(InterlinguaError):
    """The provider was too slow; `phase` is connect, first_byte or idle."""

    code = "timed_out"
    exit_code = 69
    status_hint = 504
    fault = "provider"
    retryable = True
    remedy = "Try again, or raise the time limit."

    def __init__(self, message: str, *, phase: str = "", **common: Unpack[Common]) -> None:
        super().__init__(message, **common)
        self.phase = phase


class StreamInterrupted(InterlinguaError):
    """The answer broke off before its terminal event; what came is in `partial` and `usage`."""

    code = "stream_interrupted"
    exit_code = 76
    status_hint = 502
    fault = "provider"
    retryable = True
    remedy = "Ask again; what came is not the whole answer."

    def __init__(
        self,
        message: str,
        *,
        partial: ChatResponse | None = None,
        usage: Usage | None = None,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(message, **common)
        self.partial = partial
        self.usage = usage


class NotFound(InterlinguaError):
    """Something that was named does not exist; `what` says which kind of thing."""

    code = "not_found"
    exit_code = 64
    status_hint = 404
    fault = "caller"
    remedy = "Check the name or id."

    def __init__(self, message: str, *, what: str = "", **common: Unpack[Common]) -> None:
        super().__init__(message, **common)
        self.what = what


class Conflict(InterlinguaError):
    """The thing changed or went away in the meantime."""

    code = "conflict"
    exit_code = 64
    status_hint = 409
    fault = "caller"
    remedy = "Load it again and repeat the change."


class LocalFileError(InterlinguaError):
    """A file or the disk of this machine failed; `path` says which."""

    code = "local_file_error"
    exit_code = 74
    fault = "caller"
    remedy = "Check that the file exists, is readable and that the disk has room."

    def __init__(self, message: str, *, path: str = "", **common: Unpack[Common]) -> None:
        super().__init__(message, **common)
        self.path = path


class Cancelled(InterlinguaError):
    """The caller stopped it."""

    code = "cancelled"
    exit_code = 130
    status_hint = 499
    fault = "caller"
    remedy = "Nothing to do."


def _tree(base: type[InterlinguaError]) -> dict[str, type[InterlinguaError]]:
    found = {base.code: base}
    for child in base.__subclasses__():
        found |= _tree(child)
    return found


BY_CODE: dict[str, type[InterlinguaError]] = _tree(InterlinguaError)
"""Every class of the tree by its `code`."""

BY_PEER_CODE: dict[str, type[InterlinguaError]] = BY_CODE | {InterlinguaError.code: UpstreamError}
"""The same for codes that another Interlingua sent: its internal error is an upstream's failure to us."""


_BY_STATUS: dict[int, type[InterlinguaError]] = {
    400: InvalidRequest,
    401: AuthenticationFailed,
    402: QuotaExceeded,
    403: PermissionDenied,
    404: ModelNotFound,
    408: TimedOut,
    409: Conflict,
    413: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
    503: Overloaded,
    504: TimedOut,
    529: Overloaded,
}


def for_status(status: int) -> type[InterlinguaError]:
    """The class that an HTTP status stands for where the body says nothing better."""
    return _BY_STATUS.get(status, InvalidRequest if 400 <= status < 500 else UpstreamError)


def wait_of(error: InterlinguaError) -> float | None:
    """Seconds that an error asks its caller to wait; None where it asks for none."""
    return error.retry_after if isinstance(error, RateLimited | Overloaded | BudgetExceeded) else None


def forget_frames(error: BaseException | None) -> None:
    """Takes the frames off an error that nobody raises any more, and off those that it came of.

    A frame holds all that was at hand when the error passed through it, and so, by way of whoever keeps the error, the
    error itself: a ring that stays in memory until the collector of cycles happens to come by.

    Args:
        error: what failed; None does nothing.
    """
    left = [error]
    while left:
        one = left.pop()
        if one is not None and one.__traceback__ is not None:
            one.__traceback__ = None
            left += (one.__cause__, one.__context__)
