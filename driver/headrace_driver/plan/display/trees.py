"""Operator trees as indented text, the way Spark draws them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

N = TypeVar("N")


def tree_text(root: N, line: Callable[[N], str], children: Callable[[N], Sequence[N]]) -> str:
    """One line a node; the first child of several hangs from `:-`, the last (or only) one from `+-`."""
    lines: list[str] = []
    stack: list[tuple[N, str, str]] = [(root, "", "")]
    while stack:
        node, head, rest = stack.pop()
        lines.append(head + line(node))
        below = list(children(node))
        for position, child in reversed(list(enumerate(below))):
            last = position == len(below) - 1
            stack.append((child, rest + ("+- " if last else ":- "), rest + ("   " if last else ":  ")))
    return "\n".join(lines) + "\n"
