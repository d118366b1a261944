"""The parser of recipes: strict, with errors that say what to change."""

from importlib.resources import files

import pytest

from providers.offline.cookbook import Cookbook, RecipeError, parse_recipe
from providers.offline.naming import can_rename, rename

GOOD = """\
# Double a number
names: double
needs: double; number|integer
words: double, number
asks: Double a number | twice a number
avoid: number double
numbers: any

## Plan

1. Add the number to itself.

## Solution

```python
def double(n: int) -> int:
    return n + n
```

## Tests

```python
assert double(2) == 4
```
"""


def test_a_good_recipe_is_read_whole() -> None:
    recipe = parse_recipe("double", GOOD)
    assert recipe.title == "Double a number"
    assert recipe.names == ("double",)
    assert recipe.needs == (("double",), ("number", "integer"))
    assert recipe.words == ("double", "number")
    assert recipe.asks == ("Double a number", "twice a number")
    assert recipe.avoid == ("number double",)
    assert recipe.any_number is True
    assert recipe.plan == "1. Add the number to itself."
    assert recipe.solution == "def double(n: int) -> int:\n    return n + n\n"
    assert recipe.tests == "assert double(2) == 4\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# Double a number\n", "", "write a `# Title`"),
        ("## Tests", "## Proof", "write a `# Title`"),
        ("names: double\n", "", r"add the headers \['names'\]"),
        ("names: double\n", "names: double\nnames: double\n", "'names' is unknown or twice"),
        ("avoid:", "avoids:", "'avoids' is unknown"),
        ("numbers: any", "numbers: 3", "can only be 'any', got '3'"),
        ("def double", "def twice", r"must define \['double'\]"),
        ("return n + n", "return n +", "does not parse, line 2"),
        ("assert double(2) == 4", "assert double(", "does not parse"),
        ("    return n + n\n", "    return n + n\n```\nmore\n", "must not contain ```"),
        ("assert double(2) == 4\n```\n", "assert double(2) == 4\n```\nmore\n", "write a `# Title`"),
    ],
)
def test_a_broken_recipe_is_refused_with_its_file_and_the_fix(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(RecipeError, match=message) as raised:
        parse_recipe("double", GOOD.replace(old, new))
    assert str(raised.value).startswith("double.md: ")


def test_every_shipped_recipe_parses_and_there_are_at_least_44() -> None:
    shipped = list(files("providers.offline").joinpath("recipes").iterdir())
    cookbook = Cookbook.load()
    assert all(path.name.endswith(".md") for path in shipped)
    assert [recipe.slug for recipe in cookbook.recipes] == sorted(path.name[:-3] for path in shipped)
    assert len(cookbook.recipes) >= 44
    titles = [recipe.title for recipe in cookbook.recipes]
    assert len(set(titles)) == len(titles)


def test_renaming_leaves_strings_comments_and_attributes_alone() -> None:
    source = 'def old(x):\n    """Call old."""\n    return old(x.old) + "old"  # old\n\n\nolder = old\n'
    assert rename(source, "old", "brand_new") == (
        'def brand_new(x):\n    """Call old."""\n    return brand_new(x.old) + "old"  # old\n'
        "\n\nolder = brand_new\n"
    )


@pytest.mark.parametrize("name", ["class", "list", "x", "old"])
def test_a_name_that_is_taken_cannot_be_given(name: str) -> None:
    assert can_rename(("def old(x):\n    return x\n",), name) is False


def test_a_free_name_can_be_given() -> None:
    assert can_rename(("def old(x):\n    return x\n",), "brand_new") is True
