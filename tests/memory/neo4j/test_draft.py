"""What a call changes is worked out as the model in plain Python does it."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from memory.neo4j.draft import Draft
from memory.records import Item, Record, Selection
from tests.memory.making import fact, told
from tests.memory.model import ModelMemory

_FACTS = st.builds(
    lambda text, subject, minute, turn: fact(text, subject, minute=minute, turn=turn),
    st.sampled_from(["tea", "coffee", "water"]),
    st.sampled_from(["", "drink", "Drink", "food"]),
    st.integers(0, 5),
    st.sampled_from(["", "1", "2", "3"]),
)
_INSIGHTS = st.builds(
    lambda text, turn: Record(kind="insight", text=text, subject="drink", origin=told(1, turn)),
    st.sampled_from(["tea", "coffee"]),
    st.sampled_from(["1", "2"]),
)
_CALLS = st.lists(st.lists(_FACTS | _INSIGHTS, max_size=6), max_size=5)


def _apply(draft: Draft, kept: dict[str, Item]) -> None:
    for record_id, place, origin in draft.told:
        item = kept[record_id]
        assert len(item.origins) == place
        kept[record_id] = item.model_copy(update={"origins": (*item.origins, origin)})
    for record_id, item in draft.changed.items():
        times: dict[str, Any] = item.model_dump(include={"valid_from", "valid_to", "superseded_by"})
        kept[record_id] = kept[record_id].model_copy(update=times)
    assert not kept.keys() & draft.new.keys()
    kept |= draft.new


def _sorted(kept: dict[str, Item]) -> list[Item]:
    return sorted(kept.values(), key=lambda item: (item.origins[0].at, item.id))


@given(_CALLS, _CALLS)
def test_it_changes_what_the_model_changes(first: list[list[Record]], second: list[list[Record]]) -> None:
    async def held_against(kept: dict[str, Item], other: dict[str, Item]) -> None:
        model = ModelMemory()
        for namespace, space, calls in (("anna", kept, first), ("ben", other, second)):
            for records in calls:
                draft = Draft(space.values())
                assert draft.store(records) == list(await model.store(namespace, records))
                _apply(draft, space)
            assert _sorted(space) == await model.list(namespace, Selection(), limit=1000)
        draft = Draft(kept.values())
        assert draft.restore(_sorted(other)) == await model.restore("anna", _sorted(other))
        _apply(draft, kept)
        assert _sorted(kept) == await model.list("anna", Selection(), limit=1000)

    asyncio.run(held_against({}, {}))
