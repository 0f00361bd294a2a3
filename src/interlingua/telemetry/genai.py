"""A call and its attempts as OpenTelemetry's GenAI conventions name them. Pure: rows in, attributes out.

The names are those of opentelemetry-semantic-conventions 0.66b2, written out because that package is marked as one that
may change any time. Usage stands on the attempts alone, or whoever adds spans up would count it twice. What is ours is
`interlingua.*`. Prompts and answers are in no attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from interlingua.ports.store import AttemptRow, LedgerRow
from interlingua.types.money import PICO_PER_USD

Value = str | bool | int | float | tuple[str, ...]
Attributes = dict[str, Value]

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
FINISH_REASONS = "gen_ai.response.finish_reasons"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
CONVERSATION = "gen_ai.conversation.id"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHE_READ = "gen_ai.usage.cache_read.input_tokens"
CACHE_CREATION = "gen_ai.usage.cache_creation.input_tokens"
REASONING = "gen_ai.usage.reasoning.output_tokens"
ERROR_TYPE = "error.type"
HTTP_STATUS = "http.response.status_code"

OPERATIONS: Mapping[str, str] = {"chat": "chat", "embeddings": "embeddings"}
"""The convention's word for an operation; others keep ours."""


def call_attributes(row: LedgerRow, clean: Callable[[str], str]) -> Attributes:
    """What a call's span says.

    Args:
        row: the call.
        clean: takes credentials out of what clients wrote.
    """
    found: Attributes = {
        OPERATION: OPERATIONS.get(row.operation, row.operation),
        REQUEST_MODEL: clean(row.model),
        REQUEST_STREAM: row.stream,
        HTTP_STATUS: row.status,
        "interlingua.request_id": row.request_id,
        "interlingua.tenant": clean(row.tenant),
        "interlingua.dialect": row.dialect,
        "interlingua.attempts": len(row.attempts),
    }
    if row.key:
        found["interlingua.key"] = clean(row.key)
    if row.conversation:
        found[CONVERSATION] = clean(row.conversation)
    if row.losses:
        found["interlingua.losses"] = tuple(clean(loss.field) for loss in row.losses)
    if row.error is not None:
        found[ERROR_TYPE] = row.error
    return found


def attempt_attributes(
    row: LedgerRow, attempt: AttemptRow, names: Mapping[str, str], clean: Callable[[str], str]
) -> Attributes:
    """What an attempt's span says.

    Args:
        row: the call.
        attempt: one of its attempts.
        names: the convention's names of providers, by id, where they differ.
        clean: takes credentials out of what clients wrote.
    """
    provider, _, model = attempt.target.partition("/")
    found: Attributes = {
        OPERATION: OPERATIONS.get(row.operation, row.operation),
        PROVIDER: names.get(provider, provider),
        REQUEST_MODEL: clean(model),
        REQUEST_STREAM: row.stream,
        "interlingua.dialect": attempt.dialect,
        "interlingua.lane": attempt.lane,
    }
    if attempt.status is not None:
        found[HTTP_STATUS] = attempt.status
    if attempt.finish is not None:
        found[FINISH_REASONS] = (attempt.finish,)
    if row.stream and attempt.first is not None:
        found[FIRST_CHUNK] = (row.started + attempt.first - attempt.started) / 1e6
    if attempt.error is not None:
        found[ERROR_TYPE] = attempt.error
    if attempt.cost is not None:
        found["interlingua.cost_usd"] = attempt.cost / PICO_PER_USD
    usage = attempt.usage
    if usage is not None:
        counts = {
            INPUT_TOKENS: usage.input_tokens,
            OUTPUT_TOKENS: usage.output_tokens,
            CACHE_READ: usage.cache_read,
            CACHE_CREATION: usage.cache_creation,
            REASONING: usage.reasoning,
        }
        found |= {name: count for name, count in counts.items() if count is not None}
    return found
