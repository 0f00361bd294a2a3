"""The window, as a person has it: on a real screen, with each toolkit that is here."""

from __future__ import annotations

import json
import os
import queue
import signal
from pathlib import Path
from typing import Any

import pytest

from interlingua.config.schema import Config, StoreSettings
from interlingua.desktop import bridge
from interlingua.desktop.bridge import Bridge
from interlingua.desktop.chromium import SEND as CHROMIUM_SEND
from interlingua.desktop.chromium import ChromiumWindow
from interlingua.desktop.native import NativeWindow
from interlingua.desktop.remembered import Remembered
from interlingua.desktop.view import Kind, NotOpened, Opening, View, look
from interlingua.desktop.window import SEND as NATIVE_SEND
from interlingua.gateway.sign_in import link
from interlingua.types.secret import Secret
from tests.desktop.screens import PICTURE, SECONDS, Screen, screen, toolkit, until, whole_life, write_png
from tests.desktop.windows import Desktop, answers
from tests.e2e.browser.stand import Stand, stand

KINDS: list[Kind] = ["gtk", "qt", "chromium"]
_REPORT = """
(function () {
  const tell = (value) => window.interlingua.invoke("report", value);
  const look = () => document.querySelector("textarea")
    ? tell({text: document.body.innerText, origin: location.origin, hash: location.hash,
            token: sessionStorage.getItem("interlingua-token")})
    : setTimeout(look, 100);
  const ready = () => window.interlingua ? look() : setTimeout(ready, 50);
  ready();
})()
"""
_RENEWED = """
(function () {
  const token = () => sessionStorage.getItem("interlingua-token");
  sessionStorage.setItem("interlingua-token", "ils-ended");
  document.querySelector("a[href='/settings']").click();
  const look = () => token() && token() !== "ils-ended"
    ? window.interlingua.invoke("report", {token: token()})
    : setTimeout(look, 100);
  look();
})()
"""
"""A page whose session ended asks its window for another."""
_PAINTED = """
(function () {
  const done = () => requestAnimationFrame(() => setTimeout(() => window.interlingua.invoke("report", {at: 1}), 300));
  const look = () => document.querySelector("figure svg") && window.interlingua ? top() : setTimeout(look, 100);
  const top = () => { document.querySelector(".thread").scrollTo(0, 0); requestAnimationFrame(done); };
  look();
})()
"""
_STREAM = r"""
const messages = [{role: "user", content: "The capital, please \u2013 \"quoted\""}];
const { value: id } = await interlingua.invoke("stream_chat", {model: "lab/chat", messages});
let text = "";
interlingua.listen(`chat-stream-${id}`, (event) => text += event.payload.delta);
interlingua.listen(`chat-stream-complete-${id}`, (event) => tell([text, event.payload.content]));
"""


class Stage:
    """An open window before a gateway, and what its page sends.

    Args:
        kind: of window.
        gateway: a running `il serve`.
        folder: for what the window keeps.
    """

    def __init__(self, kind: Kind, gateway: Stand, folder: Path) -> None:
        self.sent: queue.Queue[dict[str, Any]] = queue.Queue()
        self.closed: queue.Queue[bool] = queue.Queue()
        self.places: list[Remembered] = []
        config = Config(store=StoreSettings(path=str(gateway.folder / "il.db")))
        self.bridge = Bridge(
            gateway.address,
            Secret(gateway.token),
            lambda: link(config, "").partition("=")[2],
            lambda name, payload: self.view.run(bridge.happened(name, payload)),
        )
        folder.mkdir()
        opening = Opening(
            address=gateway.address,
            link=lambda: link(config, gateway.address),
            remembered=Remembered(x=40, y=20),
            folder=folder,
            script=bridge.script(gateway.address, CHROMIUM_SEND if kind == "chromium" else NATIVE_SEND),
            called=self._called,
            placed=self.places.append,
            closed=lambda: self.closed.put(True),
        )
        program = look(os.environ).chromium
        self.view: View = ChromiumWindow(opening, program) if kind == "chromium" else NativeWindow(opening, kind)

    def _called(self, text: bytes) -> None:
        value = json.loads(text)
        if value["command"] == "report":
            self.sent.put(value["arguments"])
        else:
            self.view.run(bridge.answered(*self.bridge.take(text)))

    def asked(self, script: str, seconds: float = SECONDS) -> dict[str, Any]:
        """What a script sends; nothing where its page makes way for another meanwhile."""
        self.view.run(script)
        try:
            return self.sent.get(timeout=seconds)
        except queue.Empty:
            return {}

    def done(self, script: str) -> Any:
        """What a page's script hands to `tell`."""
        self.view.run(f"(async (tell) => {{ {script} }})((value) => interlingua.invoke('report', {{value}}))")
        return self.sent.get(timeout=SECONDS)["value"]


def _photographed(display: Screen, kind: Kind) -> None:
    """What is to be seen in the window has many colours; it is kept where somebody wants to look at it."""
    rows = display.picture(display.window().place())
    assert len({row[at : at + 3] for row in rows[::3] for at in range(0, len(row), 9)}) > 100
    wanted = os.environ.get(PICTURE)
    if wanted and kind != "chromium":
        write_png(rows, Path(wanted))


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_in_the_window_is_signed_in_and_gives_commands(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = toolkit(kind, tmp_path)
    with screen(tmp_path) as display, stand(tmp_path) as gateway:
        for name, value in {**needed, **display.environment}.items():
            monkeypatch.setenv(name, value)
        stage = Stage(kind, gateway, tmp_path / "window")
        try:
            page = stage.asked(_REPORT)
            assert "What would you like to know?" in page["text"]
            assert page["token"].startswith("ils-")
            assert (page["origin"], page["hash"]) == (gateway.address, "")
            providers = stage.done("tell(await interlingua.invoke('list_providers'))")
            assert "lab" in [one["id"] for one in providers["value"]]
            wrong = stage.done("tell(await interlingua.invoke('list_provider'))")
            assert (wrong["ok"], wrong["error"]["code"]) == (False, "not_found")
            streamed = stage.done(_STREAM)
            assert streamed[0] == streamed[1]
            assert streamed[0].startswith("Paris")
            renewed = stage.asked(_RENEWED)["token"]
            assert renewed.startswith("ils-")
            assert renewed not in (page["token"], "ils-ended")
            chat = gateway.answered("What is entropy? With the formula, and an example.", title="What is entropy?")
            stage.view.run(f"location.assign('/c/{chat}')")
            until(lambda: stage.asked(_PAINTED, seconds=10))
            assert stage.view.front()
            _photographed(display, kind)
        finally:
            stage.view.close()
        assert display.windows() == []


@pytest.mark.parametrize("kind", KINDS)
def test_closing_the_window_ends_everything_and_its_place_is_kept(kind: Kind, tmp_path: Path) -> None:
    needed = whole_life(kind, tmp_path)
    with screen(tmp_path) as display:
        environment = {**needed, **display.environment}
        first = Desktop(tmp_path, environment, "--window", kind)
        try:
            address = first.address()
            window = display.window()
            second = Desktop(tmp_path, environment)
            second.until("open already")
            assert second.ended() == 0
            assert len(display.windows()) == 1
            window.move(60, 40, 777, 555)
            until(lambda: window.place() == (60, 40, 777, 555))
            if kind == "chromium":
                until(lambda: b'"width":777' in (tmp_path / "desktop" / "window.json").read_bytes())
            window.close()
            assert first.ended() == 0, first.said
            assert not answers(address)
            kept = json.loads((tmp_path / "desktop" / "window.json").read_bytes())
            assert (kept["width"], kept["height"]) == (777, 555)
            again = Desktop(tmp_path, environment, "--window", kind)
            assert again.address() == address, "pages keep things by their address"
            until(lambda: display.window().place()[2:] == (777, 555))
            again.process.send_signal(signal.SIGINT)
            assert again.ended() == 130
        finally:
            first.kill()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_stays_behind_a_killed_window_and_the_next_one_opens(kind: Kind, tmp_path: Path) -> None:
    needed = whole_life(kind, tmp_path)
    with screen(tmp_path) as display:
        environment = {**needed, **display.environment}
        killed = Desktop(tmp_path, environment, "--window", kind)
        address = killed.address()
        killed.process.kill()
        assert killed.ended() == -9
        assert not answers(address)
        until(lambda: not display.windows())
        again = Desktop(tmp_path, environment, "--window", kind)
        try:
            assert again.address() == address
            assert Desktop(tmp_path, environment, "--quit").ended() == 0
            assert again.ended() == 0
        finally:
            again.kill()


def test_a_toolkit_that_ends_its_process_is_told_and_something_else_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Qt aborts where a library of the system is missing."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "webview.py").write_text(
        "import os, sys\nprint('libxcb-cursor0 is needed', file=sys.stderr)\nos._exit(134)"
    )
    nothing = Opening(
        "http://127.0.0.1:1", str, Remembered(), tmp_path, "", lambda _: None, lambda _: None, lambda: None
    )
    with pytest.raises(NotOpened, match="libxcb-cursor0 is needed"):
        NativeWindow(nothing, "qt")
