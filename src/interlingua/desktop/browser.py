"""Opens the pages in the person's own browser, where there is no better window."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable

from interlingua.desktop.view import NotOpened, Opening


class BrowserTab:
    """A tab of the default browser; nobody can tell when it is closed.

    Args:
        opening: what it shows.
        open: opens an address, and says whether it could.

    Raises:
        NotOpened: there is no browser.
    """

    where = "in your browser"

    def __init__(self, opening: Opening, open: Callable[[str], bool] = webbrowser.open) -> None:
        self._opening = opening
        self._open = open
        if not self.front():
            raise NotOpened("no browser was found")

    def front(self) -> bool:
        """Opens another tab: the first may be closed by now."""
        return self._open(self._opening.link())

    def run(self, script: str) -> None:
        """Nothing: there is no way into somebody's browser."""

    def close(self) -> None:
        """Nothing: a tab is its owner's."""
