"""Small slips made on purpose: one change to the syntax tree of a right solution."""

import ast
import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Change = Callable[[ast.AST], ast.AST | None]
"""Gives what takes a node's place, perhaps the node itself, changed; None where it cannot slip."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A candidate that differs from the solution in one place.

    Attributes:
        kind: The slip, a key of `SLIPS`.
        line: Where, in the solution.
        source: The whole module.
    """

    kind: str
    line: int
    source: str


_COMPARED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_COMPUTED: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.FloorDiv,
    ast.Mod: ast.FloorDiv,
}


def _off_by_one(node: ast.AST) -> ast.AST | None:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return ast.Constant(node.value + 1)
    return None


def _wrong_operator(node: ast.AST) -> ast.AST | None:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        node.ops[0] = _COMPARED[type(node.ops[0])]()
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _COMPUTED:
        node.op = _COMPUTED[type(node.op)]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    else:
        return None
    return node


def _missing_edge_case(node: ast.AST) -> ast.AST | None:
    """Leave out an `if` that only returns, raises or goes on."""
    ends = ast.Return | ast.Raise | ast.Continue | ast.Break
    if isinstance(node, ast.If) and not node.orelse and isinstance(node.body[-1], ends):
        return ast.Pass()
    return None


def _swapped_arguments(node: ast.AST) -> ast.AST | None:
    if isinstance(node, ast.Call) and len(node.args) > 1:
        first, second, *rest = node.args
        if not isinstance(first, ast.Starred) and not isinstance(second, ast.Starred):
            node.args = [second, first, *rest]
            return node
    return None


def _swallowed_exception(node: ast.AST) -> ast.AST | None:
    """Give None where the right solution raises."""
    return ast.Return(ast.Constant(None)) if isinstance(node, ast.Raise) else None


def _forgotten_return(node: ast.AST) -> ast.AST | None:
    return ast.Expr(node.value) if isinstance(node, ast.Return) and node.value else None


def _negated_condition(node: ast.AST) -> ast.AST | None:
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        node.test = ast.UnaryOp(ast.Not(), node.test)
        return node
    return None


def _forgotten_step(node: ast.AST) -> ast.AST | None:
    """Leave out a statement that changes something."""
    if isinstance(node, ast.AugAssign):
        return ast.Pass()
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await):
        return ast.Pass()
    return None


def _ended_early(node: ast.AST) -> ast.AST | None:
    """End a loop after its first round."""
    if isinstance(node, ast.For):
        node.body = [*node.body, ast.Break()]
        return node
    return None


SLIPS: Mapping[str, tuple[tuple[type[ast.AST], ...], Change]] = {
    "off by one": ((ast.Constant,), _off_by_one),
    "wrong operator": ((ast.Compare, ast.BinOp, ast.AugAssign, ast.BoolOp), _wrong_operator),
    "missing edge case": ((ast.If,), _missing_edge_case),
    "swapped arguments": ((ast.Call,), _swapped_arguments),
    "swallowed exception": ((ast.Raise,), _swallowed_exception),
    "forgotten return": ((ast.Return,), _forgotten_return),
    "negated condition": ((ast.If, ast.While, ast.IfExp), _negated_condition),
    "forgotten step": ((ast.AugAssign, ast.Expr), _forgotten_step),
    "loop ended early": ((ast.For,), _ended_early),
}
"""What each slip may change, and how."""


def mutants(source: str, *, seed: str = "") -> Iterator[Mutant]:
    """Every slip on `source`, the kinds in turn, kinds and places in an order that `seed` decides.

    Args:
        source: A module that parses.
        seed: Any text; the same text gives the same order.
    """
    dice = random.Random(f"{seed}{source}")  # noqa: S311  # an order, not a secret
    nodes = _bodies(ast.parse(source))
    places = [
        [(kind, at) for at, node in enumerate(nodes) if isinstance(node, types)]
        for kind, (types, _) in SLIPS.items()
    ]
    for of_kind in places:
        dice.shuffle(of_kind)
    dice.shuffle(places)
    seen = {ast.unparse(ast.parse(source))}
    for place in itertools.chain.from_iterable(itertools.zip_longest(*places)):
        mutant = place and _slip(source, *place)
        if mutant and mutant.source not in seen and _compiles(mutant.source):
            seen.add(mutant.source)
            yield mutant


def _bodies(tree: ast.AST) -> list[ast.AST]:
    """All nodes in order but those of signatures, which say more than code does."""
    signature = {
        id(inner) for node in ast.walk(tree) if isinstance(node, ast.arguments) for inner in ast.walk(node)
    }
    return [node for node in ast.walk(tree) if id(node) not in signature]


def _slip(source: str, kind: str, at: int) -> Mutant | None:
    """Change one node of a tree that was parsed for this alone."""
    tree = ast.parse(source)
    node = _bodies(tree)[at]
    line = getattr(node, "lineno", 0)
    changed = SLIPS[kind][1](node)
    if changed is None:
        return None
    slipped = _Swap(node, changed).visit(tree)
    return Mutant(kind, line, ast.unparse(ast.fix_missing_locations(slipped)))


def _compiles(source: str) -> bool:
    """Whether a slip is one of meaning: a `return` in an `except*` block is one of form."""
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


class _Swap(ast.NodeTransformer):
    """Puts one node in another's place."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old = old
        self._new = new

    def visit(self, node: ast.AST) -> ast.AST:
        """Look for the node."""
        if node is self._old:
            return self._new
        found: ast.AST = self.generic_visit(node)
        return found
