"""The package's source as data: files, functions, imports, strings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "interlingua"


@dataclass(frozen=True)
class Source:
    """One module.

    Args:
        name: dotted, below `interlingua`; empty for the package itself.
    """

    path: Path
    name: str
    tree: ast.Module
    lines: int

    @property
    def room(self) -> str:
        """The first part of the name: the folder, or the module where it lies at the top."""
        return self.name.partition(".")[0]


@cache
def sources() -> tuple[Source, ...]:
    """Every module of the package."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        text = path.read_text(encoding="utf-8")
        found.append(Source(path, ".".join(parts), ast.parse(text), len(text.splitlines())))
    return tuple(found)


def is_type_checking(node: ast.AST) -> bool:
    """Whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes that exist when the program runs."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if not is_type_checking(node):
            waiting.extend(ast.iter_child_nodes(node))


@cache
def imports(source: Source) -> tuple[str, ...]:
    """Dotted names that a module imports, those inside functions included."""
    found: list[str] = []
    for node in runtime_nodes(source.tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(found)
