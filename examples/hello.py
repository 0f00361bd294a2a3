"""One question to the default model: the local one, unless you have a key for another."""

import interlingua as il

reply = il.ask("What is the capital of France?")
print(reply.text)
print(f"{reply.model}, {reply.total_usage.output_tokens if reply.total_usage else '?'} tokens, cost: {reply.cost}")
