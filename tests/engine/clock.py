"""Time for tests of policy."""

from __future__ import annotations


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.slept: list[float] = []
        self.chances: list[float] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def chance(self) -> float:
        """The next of `chances`, in turn; 0 where there are none."""
        if not self.chances:
            return 0.0
        self.chances.append(self.chances[0])
        return self.chances.pop(0)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
