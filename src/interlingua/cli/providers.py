"""`il providers`: hosts, what they speak, and where their credentials come from."""

from __future__ import annotations

import json

import click

from interlingua.cli.credential_state import credential_state
from interlingua.cli.session import session
from interlingua.cli.table import Column, table

_COLUMNS = (
    Column("provider"),
    Column("aliases", keep=2),
    Column("speaks", keep=1),
    Column("credential", keep=4),
    Column("default model", keep=3),
)


@click.command("providers", short_help="List providers.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List providers: what they speak, where their credentials come from, and what they answer with by default."""
    current = session(context)
    providers = list(current.engine.providers.values())
    states = {provider.id: credential_state(current, provider) for provider in providers}
    if as_json:
        rows = [
            {
                "provider": provider.id,
                "title": provider.title or None,
                "aliases": list(provider.aliases),
                "dialects": list(provider.dialects),
                "default_model": provider.default_model or None,
                "credential": {
                    "state": states[provider.id].state,
                    "source": states[provider.id].source,
                    "tail": states[provider.id].tail,
                    "looked_in": list(states[provider.id].looked_in),
                },
            }
            for provider in providers
        ]
        current.out.line(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    body = [
        (
            provider.id,
            " ".join(provider.aliases),
            " ".join(provider.dialects),
            states[provider.id].medium,
            provider.default_model,
        )
        for provider in providers
    ]
    for line in table(current.out, _COLUMNS, body):
        current.out.line(line)
    if not current.out.is_terminal:
        return  # a pipe gets rows and nothing else
    ready = sum(state.state == "present" for state in states.values())
    current.err.line(
        " " + current.err.paint(f"{ready} of {len(providers)} ready · keys are looked for, not tried", "dim")
    )
