"""networkx: graphs by class, graph attributes, nodes and edges.

The order in which nodes and edges were added is not part of a graph; the key of a parallel edge is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx

from pytest_repro.model import Branch
from pytest_repro.values.family import fields, type_name

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.family import Walk

__all__ = ["canonical"]


def canonical(value: object, walk: Walk) -> Node | None:
    """Return the canonical form of a graph, or None if another rule applies."""
    if not isinstance(value, nx.Graph):
        return None
    return fields(
        type_name(type(value)),
        [
            (".graph", walk(dict(value.graph), ".graph")),
            (".nodes", walk(dict(value.nodes(data=True)), ".nodes")),
            (".edges", walk(_edges(value, walk), ".edges")),
        ],
    )


def _edges(graph: Any, walk: Walk) -> dict[object, dict[object, object]]:
    """Return the edges as ``{a: {b: attributes}}``, an undirected edge once."""
    adjacency = {source: dict(targets) for source, targets in graph.adjacency()}
    if graph.is_directed():
        return adjacency
    rank = _ranks(graph, walk)
    return {
        source: {target: data for target, data in targets.items() if rank[source] <= rank[target]}
        for source, targets in adjacency.items()
    }


def _ranks(graph: Any, walk: Walk) -> dict[object, int]:
    """Return for each node its place in the canonical order, that of a mapping's keys."""
    nodes = list(graph)
    ordered = walk({node: position for position, node in enumerate(nodes)}, ".nodes")
    assert isinstance(ordered, Branch)
    return {nodes[position]: rank for rank, position in enumerate(ordered.items)}  # type: ignore[index]
