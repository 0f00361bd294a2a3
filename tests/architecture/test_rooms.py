"""The rules of ARCHITECTURE.md that import-linter does not know."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from interlingua.dialects.registry import DIALECTS
from tests.architecture.source import ROOT, Source, imports, runtime_nodes, sources

WAIVERS = tomllib.loads((Path(__file__).parent / "waivers.toml").read_text())
PURE_ROOMS = {"errors", "types", "wire", "ports", "dialects"}
IMPURE = {
    *("aiohttp", "asyncio", "socket", "ssl", "os", "time", "random", "uuid", "pathlib", "logging", "threading"),
    *("subprocess", "urllib.request", "http", "tempfile"),
}
CLOCKS = {"now", "utcnow", "today"}
ONLY_IN = {
    "aiohttp": {"transport"},
    "pyreqwest": {"transport"},
    "xllamacpp": {"transport"},
    "sqlalchemy": {"stores"},
    "alembic": {"stores"},
    "aiosqlite": {"stores"},
    "redis": {"stores"},
    "keyring": {"credentials"},
    "starlette": {"gateway"},
    "uvicorn": {"gateway"},
    "prompt_toolkit": {"repl", "cli"},
    "rich": {"repl", "cli"},
    "livekit": {"voice"},
    "webview": {"desktop"},
    "qtpy": {"desktop"},
    "click": {"cli"},
    "prometheus_client": {"telemetry"},
    "opentelemetry": {"telemetry"},
    "huggingface_hub": {"catalog"},
    "mcp": {"client"},
    "httpx2": {"client"},
    "yaml": {"client"},
}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "core", "misc", "manager"}
DIALECT_NAMES = {
    *("ID", "CHAT_PATHS", "STREAM_CONTENT_TYPE", "TOOL_CALL_IDS", "OPERATIONS"),
    *("parse_request", "render_request", "parse_response", "render_response"),
    *("StreamParser", "StreamRenderer", "parse_error", "render_error"),
}


def test_no_file_is_longer_than_600_lines() -> None:
    """A long file is two things."""
    long = {str(s.path.relative_to(ROOT)): s.lines for s in sources() if s.lines > 600}
    assert long.keys() == WAIVERS["files"].keys(), long


def test_no_function_is_longer_than_60_lines() -> None:
    """A long function is two things; the docstring does not count."""
    long = {}
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                first = node.body[0]
                doc = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) and first.end_lineno else 0
                if node.end_lineno - node.lineno + 1 - doc > 60:
                    long[f"{source.name}.{node.name}"] = node.end_lineno - node.lineno + 1 - doc
    assert long.keys() == WAIVERS["functions"].keys(), long


@pytest.mark.parametrize("source", [s for s in sources() if s.room in PURE_ROOMS], ids=lambda s: s.name)
def test_rooms_without_io_import_neither_io_nor_clock(source: Source) -> None:
    """Ids and time come in through the translation context."""
    assert not {name for name in imports(source) if name in IMPURE or name.split(".")[0] in IMPURE}
    assert not {n.attr for n in ast.walk(source.tree) if isinstance(n, ast.Attribute) and n.attr in CLOCKS}


@pytest.mark.parametrize("library", sorted(ONLY_IN))
def test_each_library_has_its_room(library: str) -> None:
    """So that it can be replaced in one place."""
    strangers = {
        source.name
        for source in sources()
        if source.room not in ONLY_IN[library] and any(name.split(".")[0] == library for name in imports(source))
    }
    assert not strangers


def test_no_room_has_a_name_that_says_nothing() -> None:
    """A junk drawer has no rule at its head."""
    assert not [s.name for s in sources() if set(s.name.split(".")) & FORBIDDEN_NAMES]


def test_there_are_no_import_cycles_even_lazy_ones() -> None:
    """Lazy imports count: a cycle that only bites at run time is a cycle."""
    modules = {f"interlingua.{s.name}" if s.name else "interlingua": s for s in sources()}
    graph = {
        name: {target for target in imports(source) if target in modules and target != name}
        for name, source in modules.items()
    }
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name in done:
            return
        for target in sorted(graph[name]):
            walk(target, (*way, name))
        done.add(name)

    for name in sorted(graph):
        walk(name, ())


def test_provider_names_stand_only_in_rows() -> None:
    """The engine asks objects; a name that is tested somewhere is a branch that the next host needs too."""
    rows = tomllib.loads((ROOT / "src/interlingua/providers/registry.toml").read_text())
    dialects = {path.name for path in (ROOT / "src/interlingua/dialects").iterdir()}
    names = set(rows) - {"local"} - dialects
    found = {
        f"{source.name}:{node.lineno} {node.value!r}"
        for source in sources()
        if source.room not in {"providers", "catalog"}
        for node in runtime_nodes(source.tree)
        if isinstance(node, ast.Constant) and node.value in names
    }
    assert not found


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_has_the_same_rooms_and_names(name: str) -> None:
    """Who knows one dialect knows all."""
    from interlingua.dialects.registry import dialect

    module = dialect(name)
    assert {wanted for wanted in DIALECT_NAMES if not hasattr(module, wanted)} == set()
    assert name == module.ID
    folder = ROOT / "src/interlingua/dialects" / name
    assert {"schema.py", "request.py", "response.py", "stream.py", "errors.py"} <= {p.name for p in folder.iterdir()}
