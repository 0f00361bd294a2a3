"""`il doctor`: what is configured, what works, what to do next. No network is used."""

from __future__ import annotations

import asyncio
import json
import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click
import msgspec
from msgspec import Struct

from interlingua._version import __version__
from interlingua.catalog import weights
from interlingua.cli.credential_state import CredentialState, credential_state
from interlingua.cli.progress import size
from interlingua.cli.pull import folder_of
from interlingua.cli.session import Session, session
from interlingua.cli.usage_line import seconds
from interlingua.config.load import find_config
from interlingua.errors import ConfigError, InterlinguaError
from interlingua.providers.provider import Provider

EXTRAS = {"local": "xllamacpp", "hub": "huggingface-hub"}
"""Optional parts of the distribution, and the package that each brings."""

QUESTION = "What is the capital of France?"
_ANSWER_TOKENS = 32
ANY = "MODEL"
"""Stands where a host has no default model, and a person must name one."""


class Check(Struct, frozen=True, kw_only=True):
    """One finding.

    Args:
        name: what was looked at.
        ok: whether it is as it should be; None where that is nobody's fault.
        found: what was found, one line.
    """

    name: str
    ok: bool | None
    found: str


class Step(Struct, frozen=True, kw_only=True):
    """One thing to do, and what it is good for."""

    do: str
    why: str


class Health(Struct, frozen=True, kw_only=True):
    """Everything that was found.

    Args:
        checks: findings, in the order of reading.
        usable: model names that can be called, or that answered.
        next: what to do, the most useful first.
    """

    checks: list[Check]
    usable: list[str]
    next: list[Step]


@click.command("doctor", short_help="Say what works.")
@click.option("--no-model", is_flag=True, help="Do not ask the model of this machine.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def command(context: click.Context, no_model: bool, as_json: bool) -> None:
    """Say what is configured, what works and what to do next. Keys are looked for, not tried: no network is used.

    The exit code is 0 where something can answer, else 78.
    """
    current = session(context)
    health = examine(current, ask=not no_model)
    if as_json:
        current.out.line(json.dumps(msgspec.to_builtins(health), indent=2, ensure_ascii=False))
    else:
        _show(current, health)
    context.exit(0 if health.usable else ConfigError.exit_code)


def examine(current: Session, *, ask: bool) -> Health:
    """Looks at everything.

    Args:
        current: the run.
        ask: whether the model of this machine is asked a question.
    """
    checks = [Check(name="version", ok=None, found=_versions())]
    try:
        engine = current.engine
    except InterlinguaError as error:
        checks.append(Check(name="configuration", ok=False, found=error.message))
        return Health(checks=checks, usable=[], next=[Step(do=error.remedy, why="")])
    checks.append(Check(name="configuration", ok=None, found=_config_file(current)))
    checks += [Check(name="extra", ok=None, found=found) for found in _extras()]
    states = [(provider, credential_state(current, provider)) for provider in engine.providers.values()]
    usable = []
    for provider, state in states:
        if state.source is not None:
            checks.append(Check(name="credential", ok=True, found=f"{provider.id}: {state.long}"))
            usable.append(f"{provider.id}/{provider.default_model or ANY}")
    if not usable:
        checks.append(Check(name="credential", ok=None, found="none in the environment"))
    for provider, state in states:
        if provider.in_process:
            found = _local_checks(current, provider, state, ask=ask)
            checks += found
            if found[0].ok and all(check.ok is not False for check in found):
                usable.append(f"{provider.id}/{provider.default_model}")
    checks += _default_model(current)
    return Health(checks=checks, usable=usable, next=list(_next(states, usable)))


def _versions() -> str:
    return f"Interlingua {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"


def _config_file(current: Session) -> str:
    path, trusted = find_config(current.config_path, os.environ)
    if path is None:
        return "no file; built-in defaults"
    return str(path) if trusted else f"{path} (of the working directory: aliases, default model and display only)"


def _extras() -> Iterator[str]:
    for extra, package in EXTRAS.items():
        try:
            yield f"{extra}: {package} {version(package)}"
        except PackageNotFoundError:
            yield f"{extra}: not installed (pip install 'interlingua[{extra}]')"


def _local_checks(current: Session, provider: Provider, state: CredentialState, *, ask: bool) -> list[Check]:
    """Whether the model of this machine is here, and whether it answers."""
    name = f"{provider.id}/{provider.default_model}"
    listed = ", ".join(f"{one.name} ({size(one.size)})" for one in weights.list_weights(folder_of(current)))
    here = Check(name="weights", ok=state.ready, found=listed or f"none in {folder_of(current)}")
    if not state.ready:
        return [here]
    if not ask:
        installed = None if _has("local") else False
        return [here, Check(name="answers", ok=installed, found=f"{name}: not asked")]
    try:
        reply = asyncio.run(_ask(current, name))
    except InterlinguaError as error:
        return [here, Check(name="answers", ok=False, found=f"{name}: {error.message}. {error.remedy}")]
    text = " ".join(reply.text.split())
    told = f"{name} in {seconds(reply.timing.total)}: {text[:60]}{'…' if len(text) > 60 else ''}"
    return [here, Check(name="answers", ok=bool(text), found=told if text else f"{name}: the answer is empty")]


async def _ask(current: Session, model: str) -> Any:
    async with current.client as client:
        return await client.generate(QUESTION, model=model, max_output_tokens=_ANSWER_TOKENS)


def _has(extra: str) -> bool:
    try:
        return bool(version(EXTRAS[extra]))
    except PackageNotFoundError:
        return False


def _default_model(current: Session) -> list[Check]:
    try:
        target = current.target(None)
    except InterlinguaError as error:
        return [Check(name="default", ok=False, found=f"{error.message}. {error.remedy}")]
    ready = credential_state(current, target.provider)
    why = "as configured" if current.config.default_model else "the first that can be called"
    return [Check(name="default", ok=ready.ready, found=f"{target.name} ({why if ready.ready else ready.long})")]


def _next(states: list[tuple[Provider, CredentialState]], usable: list[str]) -> Iterator[Step]:
    for provider, state in states:
        if provider.in_process and not state.ready:
            yield Step(do=state.missing, why="a model that answers without a key or a network")
    if not _has("local"):
        yield Step(do="pip install 'interlingua[local]'", why="what the model of this machine runs in")
    hosts = [(host, state) for host, state in states if state.looked_in and host.default_model]
    if hosts and not any(state.source for _, state in hosts):
        yield Step(do=f"il credentials set {hosts[0][0].id}", why="a key of this or any other provider (il providers)")
    if usable:
        named = [name for name in usable if not name.endswith(ANY)] or usable
        yield Step(do=f'il ask -m {named[0]} "Hello"', why="")


def _show(current: Session, health: Health) -> None:
    out = current.out
    marks = {True: out.paint("✓", "green"), False: out.paint("✗", "red"), None: "·"}
    width = max(len(check.name) for check in health.checks)
    before = ""
    for check in health.checks:
        label = check.name if check.name != before else ""
        before = check.name
        head = f" {{}} {label:<{width}}  "
        for line in out.hanging(head.format("·"), check.found):
            out.line(line.replace("·", marks[check.ok], 1) if line.startswith(" · ") else line)
    if health.next:
        out.line()
        out.line(out.paint("next", "bold"))
        width = max(len(step.do) for step in health.next)
        for step in health.next:
            for line in out.hanging(f"  {step.do:<{width}}  ", step.why) if step.why else [f"  {step.do}"]:
                out.line(line)
