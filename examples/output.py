"""An answer as a Python value: the schema comes from the type, the local model is held to it by grammar."""

from dataclasses import dataclass
from typing import Literal

import interlingua as il


@dataclass
class City:
    """What we want to know."""

    name: str
    continent: Literal["Africa", "America", "Asia", "Australia", "Europe"]


city = il.ask("Name the capital of France.", output=City).output
print(type(city).__name__, city)
