"""One window at a time, whatever becomes of its process."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from interlingua.desktop.instance import Instance, Said, Word, instance
from interlingua.errors import LocalFileError

_HOLDER = """
import sys
from pathlib import Path
from interlingua.desktop.instance import Instance, Said
held = Instance(Path(sys.argv[1]))
assert held.take()
held.listen(lambda word: Said(f"heard {word}"))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_is_told_and_takes_over_when_the_first_has_let_go(tmp_path: Path) -> None:
    with instance(tmp_path) as second:
        with instance(tmp_path) as first:
            assert first.take()
            assert not second.take()
            assert second.tell("show") is None, "the first does not listen yet"
            heard: list[Word] = []

            def answer(word: Word) -> Said:
                heard.append(word)
                return Said("it is here", ending=word == "quit")

            first.listen(answer)
            assert second.tell("show") == Said("it is here")
            assert second.tell("quit") == Said("it is here", ending=True)
            assert heard == ["show", "quit"]
            room = Path(second.room)
            waited = threading.Thread(target=second.take, kwargs={"wait": True})
            waited.start()
        waited.join(30)
        assert not waited.is_alive()
        assert not room.exists()
        assert second.tell("show") is None


def test_a_killed_holder_leaves_no_lock_and_what_it_left_is_cleared_away(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder, instance(tmp_path) as second:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert not second.take()
        assert second.tell("show") == Said("heard show")
        assert second.holder == holder.pid
        room = Path(second.room)
        holder.kill()
        holder.wait()
        assert room.exists()
        assert second.tell("show") is None
        assert second.take()
        assert not room.exists()


def test_a_damaged_file_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / "window.lock").write_bytes(b'{"pid":12')
    with instance(tmp_path) as found:
        assert (found.holder, found.tell("show")) == (0, None)
        assert found.take()


def test_words_that_are_none_are_not_answered(tmp_path: Path) -> None:
    import socket

    with instance(tmp_path) as first:
        assert first.take()
        first.listen(lambda word: Said("never"))
        for text in (b'{"word":"format the disk"}\n', b"\xff\n"):
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(first.room + "/words")
                line.sendall(text)
                assert line.recv(100) == b""


def test_only_the_user_may_enter_the_folder_of_the_socket(tmp_path: Path) -> None:
    with instance(tmp_path) as first:
        assert first.take()
        first.listen(lambda word: Said("here"))
        assert Path(first.room).stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalFileError, match="cannot keep"):
        Instance(tmp_path / "file" / "below")
