"""Ids of requests."""

from __future__ import annotations

import os
import re

import pytest

from interlingua.gateway.ids import request_id


def test_ids_are_all_different_and_of_one_form() -> None:
    found = [request_id() for _ in range(2000)]
    assert len(set(found)) == len(found)
    assert all(re.fullmatch(r"req_[0-9a-f]{24}", one) for one in found)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_draws_others_than_its_parent() -> None:
    request_id()
    end, begin = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(begin, "\n".join(request_id() for _ in range(100)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(begin)
    drawn = os.read(end, 65536).decode().split("\n")
    os.close(end)
    assert len(drawn) == 100
    assert not {request_id() for _ in range(300)} & set(drawn)
