"""How many supersteps must be left for a turn to end well: what routers keep in reserve."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from math import inf

from langgraph.graph import END

from graph.shape import Edge, Shape


def needs(shape: Shape, answer: str, without: AbstractSet[Edge]) -> Mapping[str, int]:
    """For each node, the fewest supersteps in which all that it sets going can end, its own included.

    A router is taken to choose the shortest way, before the answer one that leads to it. What always
    follows, and what a node decides by `Command(goto=…)`, is taken at its longest.

    Args:
        shape: The graph.
        answer: The node that answers; what follows it counts as well.
        without: The guarded edges: without them the graph has no cycle.

    Returns:
        The needs; a node that no choice would end is absent.
    """
    order = shape.order(without)
    before_answer = shape.distances(answer, without).keys() - {answer}
    known: dict[str, float] = dict.fromkeys(shape.always, inf) | {END: 0}
    changed = True
    while changed:  # settled in one pass, but for what follows a guarded edge back
        changed = False
        for name in order:
            closed = {target for source, target in without if source == name}
            ways = before_answer | {answer} if name in before_answer else known.keys()
            if (now := _need(shape, name, known, ways, closed)) < known[name]:
                known[name], changed = now, True
    # A deferred node waits for all others, so whoever takes time must leave room for it as well.
    late = sum(known[name] for name in shape.deferred)
    return {END: 0} | {name: int(known[name] + late) for name in order if known[name] + late < inf}


def _need(
    shape: Shape,
    name: str,
    known: Mapping[str, float],
    ways: AbstractSet[str],
    closed: AbstractSet[str],
) -> float:
    after = [known[target] for target in shape.always[name]]
    for choice in shape.choices[name]:
        if choice.by_router:
            # A guard may be used up, so its edge is counted on only where there is no other.
            ends_well = choice.targets & ways or choice.targets
            after.append(min(known[target] for target in ends_well - closed or ends_well))
        else:
            after += [known[target] for target in choice.targets]
    return 1 + max(after, default=0)
