"""Which names to offer for one that was not found, in Spark's order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headrace_driver.plan.expressions import Attribute

PROPOSALS_MAX = 5


def quoted(parts: Sequence[str]) -> str:
    """A name as error messages show it: `a`.`b`."""
    return ".".join(["`" + part.replace("`", "``") + "`" for part in parts])


def plain(parts: Sequence[str]) -> str:
    """A name as Spark prints it elsewhere: parts quoted only where they must be."""
    return ".".join([p if p.replace("_", "a").isalnum() and p.isascii() else quoted((p,)) for p in parts])


def column_proposals(wanted: Sequence[str], columns: Iterable[Attribute]) -> list[str]:
    """Names of `columns` by closeness to `wanted`; equally close ones by name, then by id, as Spark's sets iterate."""
    ordered = sorted(columns, key=lambda a: (a.name, a.id))
    return proposals(wanted, [(*a.qualifier, a.name) for a in ordered])


def proposals(wanted: Sequence[str], candidates: Sequence[tuple[str, ...]]) -> list[str]:
    """`candidates` by closeness, without qualifiers they all share when `wanted` has no such qualifier."""
    stripped = candidates
    for kept in (1, 2, 3):
        if len(wanted) <= kept and len({c[:-kept] for c in candidates}) == 1:
            stripped = [c[-kept:] for c in candidates]
            break
    base = plain(wanted)
    texts = [quoted(c) for c in stripped]
    return sorted(texts, key=lambda text: distance(text, base))[:PROPOSALS_MAX]


def distance(a: str, b: str) -> int:
    """Levenshtein's edit distance."""
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        current = [i]
        for j, y in enumerate(b, 1):
            current.append(min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (x != y)))
        previous = current
    return previous[-1]
