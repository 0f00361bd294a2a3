"""The errors that every dialect is tried with, as answers and inside streams."""

from __future__ import annotations

from interlingua.errors import (
    AuthenticationFailed,
    BudgetExceeded,
    Conflict,
    ConnectionFailed,
    ContentFiltered,
    ContextTooLong,
    CredentialMissing,
    InterlinguaError,
    InvalidRequest,
    ModelNotFound,
    NotFound,
    Overloaded,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    StreamInterrupted,
    TimedOut,
    Unsupported,
    UpstreamError,
)

_ALL: tuple[InterlinguaError, ...] = (
    CredentialMissing("no credential for this provider"),
    AuthenticationFailed("the key was refused"),
    PermissionDenied("this key may not"),
    ModelNotFound("there is no model called x"),
    Unsupported("takes no audio input", feature="audio", path="messages[0].parts[1]"),
    InvalidRequest("messages: required", path="messages"),
    ContextTooLong("too many tokens for this model"),
    ContentFiltered("the prompt was refused"),
    RateLimited("too many requests", retry_after=3.0),
    QuotaExceeded("the account has no credit"),
    BudgetExceeded("the budget is spent"),
    Overloaded("no capacity", retry_after=2.0),
    UpstreamError("the provider failed"),
    ConnectionFailed("the provider could not be reached"),
    TimedOut("nothing came in time", phase="idle"),
    StreamInterrupted("the answer broke off"),
    NotFound("there is no such answer", what="response"),
    Conflict("it went away in the meantime"),
    InterlinguaError("something of ours broke"),
)

ERRORS: dict[str, InterlinguaError] = {error.code: error for error in _ALL}
"""An error of each class that a client may be told of."""
