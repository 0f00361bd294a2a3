"""A typed Python function as a tool: the model calls it, the loop runs it, the model answers."""

import interlingua as il


def lookup_weather(city: str) -> str:
    """The weather in a city.

    Args:
        city: the city's name, in English.
    """
    return {"Oslo": "3 °C, rain", "Rome": "17 °C, clear"}.get(city, f"no report for {city}")


chat = il.Chat("local/smollm2", tools=[lookup_weather])
reply = chat.ask("What is the weather in Oslo?", tool_choice="required", max_output_tokens=200)
for run in reply.tool_runs:
    print(f"{run.name}({run.arguments}) took {run.seconds:.3f} s")
print(reply.text)
