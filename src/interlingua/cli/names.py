"""Names that a shell completes: models, providers, dialects."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from interlingua.cli.session import session
from interlingua.errors import InterlinguaError


def complete_models(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Aliases of the configuration, then `provider/model`; a word without a provider finds models of any."""
    from interlingua.catalog.catalog import load_catalog

    catalog = load_catalog()
    names = [*_aliases(context), *(model.name for model in catalog.models if not model.retired(catalog.as_of))]
    found = [name for name in names if name.startswith(incomplete)]
    if not found and "/" not in incomplete:
        found = [model.id for model in catalog.models if model.id.startswith(incomplete)]
    return [CompletionItem(name) for name in dict.fromkeys(found)]


def complete_providers(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of providers, those of the configuration included."""
    from interlingua.providers.provider import load_registry

    try:
        configured = list(session(context).config.providers)
    except InterlinguaError:
        configured = []  # a broken configuration is told by the command itself, not by the shell's completion
    names = dict.fromkeys([*load_registry(), *configured])
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The shell's own file names."""
    return [CompletionItem(incomplete, type="file")]


def _aliases(context: click.Context) -> list[str]:
    try:
        return [name for name in session(context).config.models if "*" not in name]
    except InterlinguaError:
        return []  # as above
