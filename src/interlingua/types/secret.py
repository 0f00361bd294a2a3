"""A value that cannot be shown by accident."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """Holds a credential; printing, formatting, logging, pickling and encoding it fail or mask it.

    Args:
        value: the secret text, not empty.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The text itself, for the one place that writes it into a header."""
        return self.__value

    @property
    def tail(self) -> str:
        """A masked form for people: the last four characters of a long key, nothing of a short one."""
        return f"…{self.__value[-4:]}" if len(self.__value) >= 12 else "…"

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode(), other.reveal().encode())

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")


class Credential:
    """A provider's secret together with where it came from.

    Args:
        secret: the key or token.
        source: for people, such as `OPENAI_API_KEY` or `argument`.
        name: the environment name that it was found under, if any; some names ask for another header.
        profile: which of several credentials of one provider it is.
        account: what reasoning state bound to an account is bound to; the same for all profiles of one account.
        weight: its share of the calls, against the others' of its provider.
    """

    __slots__ = ("account", "name", "profile", "secret", "source", "weight")

    def __init__(
        self,
        secret: Secret,
        *,
        source: str,
        name: str = "",
        profile: str = "default",
        account: str = "",
        weight: float = 1.0,
    ) -> None:
        self.secret = secret
        self.source = source
        self.name = name
        self.profile = profile
        self.account = account or profile
        self.weight = weight

    def __repr__(self) -> str:
        return f"Credential({self.secret.tail}, from {self.source})"
