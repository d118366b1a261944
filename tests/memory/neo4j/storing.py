"""A program that stores batches of facts and an episode without end, to be killed.

As a program: `python -m tests.memory.neo4j.storing URI FIRST`, with the password in `NEO4J_PASSWORD`.
"""

import asyncio
import os
import sys

from memory.neo4j import open_memory
from memory.records import Record
from tests.memory.making import fact, told

SIZE = 50


def batch(number: int) -> list[Record]:
    facts = [
        fact(f"{number} of {one}", f"subject {one}", minute=number, turn=str(number), entities=("Rex",))
        for one in range(SIZE - 1)
    ]
    return [*facts, Record(kind="episode", text=f"turn {number}", origin=told(number, str(number)))]


async def main(uri: str, first: int) -> None:
    memory = open_memory(uri, "neo4j", os.environ["NEO4J_PASSWORD"])
    number = first
    while True:
        print(number, flush=True)  # noqa: T201 - who kills it waits for this
        await memory.store("anna", batch(number))
        number += 1


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
