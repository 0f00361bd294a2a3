"""A few tools that are safe to hand to any model: the time, arithmetic, and files below the working directory.

None of them changes anything; none reaches outside the folder that it was given, also not through links.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from interlingua.client.tools import Tool, tool
from interlingua.errors import InvalidRequest, LocalFileError

READING = ("read_file", "list_files")
"""Those that look at the machine."""
LONGEST_FILE = 200_000
_LARGEST_POWER = 10_000
_TWO: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_ONE: dict[type[ast.unaryop], Callable[[float], float]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_NAMES = {"pi": math.pi, "e": math.e}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    **{
        name: getattr(math, name)
        for name in ("sqrt", "log", "log2", "log10", "exp", "sin", "cos", "tan", "floor", "ceil")
    },
    "abs": abs,
    "round": round,
    "min": min,
    "max": max,
}


def safe_tools(folder: Path) -> dict[str, Tool]:
    """The tools by name.

    Args:
        folder: below which files may be read.
    """

    @tool
    def read_file(path: str) -> str:
        """Read a text file below the working directory.

        Args:
            path: relative to the working directory.
        """
        return _text_of(folder, path)

    @tool
    def list_files(path: str = ".") -> list[str]:
        """List the files in a folder below the working directory.

        Args:
            path: relative to the working directory.
        """
        found = _below(folder, path)
        if not found.is_dir():
            raise LocalFileError(f"{path} is no folder", path=path)
        return sorted(one.name + ("/" if one.is_dir() else "") for one in found.iterdir())[:500]

    found: tuple[Tool, ...] = (tool(time_now), tool(calculate), read_file, list_files)
    return {one.name: one for one in found}


def time_now(zone: str = "") -> str:
    """The date and time now.

    Args:
        zone: such as Europe/Oslo; the machine's own by default.
    """
    try:
        found = datetime.now(ZoneInfo(zone)) if zone else datetime.now().astimezone()
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidRequest(f"there is no time zone {zone!r}", path="zone") from error
    return found.strftime("%A %Y-%m-%d %H:%M:%S %Z (UTC%z)")


def calculate(expression: str) -> float:
    """Work out an arithmetic expression, such as (2 + 3) * sqrt(16) / 7 % 2 ** 3.

    Args:
        expression: numbers, + - * / // % **, brackets, pi, e, and functions such as sqrt, log, round, min, max.
    """
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, ArithmeticError, RecursionError, MemoryError) as error:
        raise InvalidRequest(f"{expression[:80]!r} cannot be worked out: {error}", path="expression") from error


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.Name) and node.id in _NAMES:
        return _NAMES[node.id]
    if isinstance(node, ast.UnaryOp) and type(node.op) in _ONE:
        return _ONE[type(node.op)](_value(node.operand))
    if isinstance(node, ast.BinOp) and type(node.op) in _TWO:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow) and (abs(right) > _LARGEST_POWER or abs(left) > 1e15):
            raise ValueError("the power is too large")
        return _TWO[type(node.op)](left, right)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _FUNCTIONS
        and not node.keywords
    ):
        return _FUNCTIONS[node.func.id](*(_value(one) for one in node.args))
    raise ValueError("only numbers, + - * / // % ** and a few functions are known")


def _below(folder: Path, path: str) -> Path:
    """The file that is meant. Raises InvalidRequest where it, or what it links to, is outside the folder."""
    root = folder.resolve()
    try:
        found = (root / path).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise LocalFileError(f"{path[:200]} cannot be read: {error}", path=path[:200]) from error
    if found != root and root not in found.parents:
        raise InvalidRequest(f"{path[:200]} is outside the working directory", path="path")
    return found


def _text_of(folder: Path, path: str) -> str:
    found = _below(folder, path)
    if not found.is_file():
        raise LocalFileError(f"{path} is no file", path=path)
    try:
        with found.open("rb") as file:
            content = file.read(LONGEST_FILE + 1)
        text = content[:LONGEST_FILE].decode("utf-8", "strict" if len(content) <= LONGEST_FILE else "ignore")
    except OSError as error:
        raise LocalFileError(f"{path} cannot be read: {error.strerror or error}", path=path) from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is no text", path="path") from error
    return text + (f"\n[cut off after {LONGEST_FILE:,} bytes]" if len(content) > LONGEST_FILE else "")
