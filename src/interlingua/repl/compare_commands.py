"""`/compare`: the same question to several models, side by side, and the way on with one of them."""

from __future__ import annotations

from interlingua.errors import InvalidRequest
from interlingua.repl.commands import Command, words_of
from interlingua.repl.desk import Desk
from interlingua.repl.model_commands import model_options
from interlingua.repl.talk import last_question

_MOST = 4


async def compare(desk: Desk, text: str) -> None:
    """`/compare MODEL MODEL… [-- QUESTION]`: asks several; without a question the last one again."""
    from interlingua.bench.compare import Racer, race  # what only a comparison needs
    from interlingua.repl.compare_view import CompareView

    names, _, question = text.partition("--")
    models = words_of(names)
    if not models or len(models) > _MOST:
        raise InvalidRequest(
            f"name two to {_MOST} models, or one to compare with {desk.talk.chat.model or desk.talk.target.name}",
            remedy="/compare MODEL MODEL -- QUESTION",
        )
    if len(models) == 1:
        models.insert(0, desk.talk.target.name)
    for name in models:
        desk.engine.route(name)
    question = question.strip()
    path = desk.talk.path
    if not question:
        at = last_question(path)
        if at is None:
            raise InvalidRequest("there is no question yet", remedy="/compare MODEL MODEL -- QUESTION")
        question, path = path[at].message.text, path[:at]
    messages = tuple(one.message for one in path)
    racers = [Racer(name) for name in models]
    view = CompareView(desk.live, desk.pen, racers, moves=desk.moves, out=desk.out)
    await view.watch(
        race(desk.client, racers, question, messages=messages, system=desk.talk.chat.system, settings=desk.settings)
    )
    done = [racer for racer in racers if racer.answer is not None]
    if not done:
        return
    options: list[tuple[Racer | None, str]] = [(racer, racer.model) for racer in done]
    picked = await desk.line.pick("go on with:", [*options, (None, "as before")], desk.pen.theme)
    if picked is not None and picked.answer is not None:
        await desk.talk.adopt(path[-1].id if path else None, question, picked.answer, picked.seconds)
        desk.talk.chat.use(picked.model)
        desk.note(f"  now {desk.talk.target.name}, with its answer in the conversation")


COMMANDS = (
    Command(
        name="compare",
        takes="MODEL… [-- QUESTION]",
        does="ask several models side by side, go on with one",
        run=compare,
        options=lambda desk, words: model_options(desk, ()) if "--" not in words else (),
        more="Without a question the last one is asked again. One model is compared with the one that answers now.\n\n"
        "  /compare g/openai/gpt-oss-120b local/smollm2 -- What is a monad?\n  /compare claude-haiku-5-5",
    ),
)
