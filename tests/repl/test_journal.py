"""What a kill leaves is found again."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

from interlingua.repl.journal import Begun, Journal, left_behind
from interlingua.types.events import MessageStart, PartDelta, PartStart
from interlingua.types.messages import user
from interlingua.types.parts import TextPart

BEGUN = Begun(conversation="c1", parent=None, question=user("why?"), model="a/b")


def write(folder: Path, *texts: str) -> Journal:
    """A journal of a running answer."""
    journal = Journal(folder, BEGUN)
    journal.add(MessageStart(id="1", model="b"))
    journal.add(PartStart(index=0, part=TextPart(text="")))
    for text in texts:
        journal.add(PartDelta(index=0, text=text))
    return journal


def test_an_answer_that_runs_is_left_alone(tmp_path: Path) -> None:
    """It is another chat's."""
    journal = write(tmp_path, "a")
    code = (
        "import sys; from pathlib import Path; from interlingua.repl.journal import left_behind;"
        "print(len(list(left_behind(Path(sys.argv[1])))))"
    )
    found = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "0"
    journal.done()
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_before_a_kill_is_all_there(tmp_path: Path) -> None:
    """Each token is handed to the operating system at once."""
    code = (
        "import os, signal, sys; from pathlib import Path; from tests.repl.test_journal import write;"
        "write(Path(sys.argv[1]), 'so ', 'far'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False, cwd=Path(__file__).parents[2])
    (found,) = left_behind(tmp_path)
    assert found[0] == BEGUN
    assert found[1].text == "so far"
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_was_being_written_is_passed_over(tmp_path: Path) -> None:
    """The rest is not lost with it."""
    journal = write(tmp_path, "whole")
    journal._file.add(b'{"type":"part_del')
    os.close(journal._file._file)
    (found,) = left_behind(tmp_path)
    assert found[1].text == "whole"


def test_what_is_no_journal_is_passed_over(tmp_path: Path) -> None:
    """Nothing crashes on it."""
    (tmp_path / "x.jsonl").write_bytes(b"not json\nat all\n")
    (tmp_path / "y.jsonl").write_bytes(b"")
    assert list(left_behind(tmp_path)) == []
    assert list(left_behind(tmp_path / "missing")) == []


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    """It holds what people say."""
    journal = write(tmp_path, "a")
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    journal.done()
