from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_repro.errors import ValueTypeError
from pytest_repro.values import canonical
from tests.unit.values.meaning import assert_differ, assert_same, assert_well_formed, differing

nx: Any = pytest.importorskip("networkx")

CLASSES = [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph]
NODES = st.integers(0, 4) | st.sampled_from(["a", "b", (1, "x")])
EDGES = st.lists(
    st.tuples(NODES, NODES, st.floats(allow_nan=False)), max_size=8, unique_by=lambda edge: frozenset(edge[:2])
)


def _graph(cls: Any, edges: list[tuple[object, object, float]]) -> Any:
    graph = cls(name="g")
    for source, target, weight in edges:
        graph.add_edge(source, target, weight=weight)
    return graph


@given(EDGES, st.randoms(use_true_random=False), st.sampled_from(CLASSES))
@settings(max_examples=100, deadline=None)
def test_order_of_nodes_and_edges_is_not_part_of_a_graph(edges: Any, order: Any, cls: Any) -> None:
    shuffled = list(edges)
    order.shuffle(shuffled)
    if cls in (nx.Graph, nx.MultiGraph):
        shuffled = [(target, source, weight) for source, target, weight in shuffled]
    graph = _graph(cls, edges)
    assert_same(graph, _graph(cls, shuffled))
    assert_well_formed(canonical(graph))


@pytest.mark.parametrize("cls", CLASSES)
def test_class_attributes_nodes_and_edges_are_part_of_a_graph(cls: Any) -> None:
    edges: list[tuple[object, object, float]] = [("a", "b", 1.0), ("b", 3, 2.0)]
    graph = _graph(cls, edges)
    for other in CLASSES:
        (assert_same if other is cls else assert_differ)(graph, _graph(other, edges))
    assert_differ(graph, _graph(cls, edges[:1]))
    assert_differ(graph, _graph(cls, [*edges[:1], ("b", 3, -2.0)]))
    attributed = _graph(cls, edges)
    attributed.nodes["a"]["colour"] = "red"
    assert_differ(graph, attributed, ".nodes['a']['colour']")
    named = _graph(cls, edges)
    named.graph["name"] = "h"
    assert_differ(graph, named, ".graph['name']")


def test_an_undirected_edge_differs_once_and_under_its_nodes() -> None:
    graph, other = (_graph(nx.Graph, [("b", "a", weight)]) for weight in (1.0, 2.0))
    assert differing(canonical(graph), canonical(other)) == [".edges['a']['b']['weight']"]


def test_direction_and_keys_of_parallel_edges_count() -> None:
    assert_differ(_graph(nx.DiGraph, [("a", "b", 1.0)]), _graph(nx.DiGraph, [("b", "a", 1.0)]))
    one, two = nx.MultiGraph(), nx.MultiGraph()
    one.add_edge("a", "b", key="x")
    two.add_edge("a", "b", key="y")
    assert_differ(one, two)


def test_an_edge_from_a_node_to_itself_is_an_edge() -> None:
    graph, other = (_graph(nx.Graph, [("a", "a", weight)]) for weight in (1.0, 2.0))
    assert differing(canonical(graph), canonical(other)) == [".edges['a']['a']['weight']"]


def test_what_cannot_be_read_is_told_with_its_place_in_the_graph() -> None:
    def refused(graph: Any) -> str:
        with pytest.raises(ValueTypeError) as caught:
            canonical(graph)
        return str(caught.value)

    def lost() -> Any:
        return iter([1])

    graph = nx.DiGraph(lost=lost())
    assert "at .graph['lost'] by" in refused(graph)
    graph = nx.DiGraph()
    graph.add_node("a", lost=lost())
    assert "at .nodes['a']['lost'] by" in refused(graph)
    graph = nx.DiGraph()
    graph.add_edge("a", "b", lost=lost())
    assert "at .edges['a']['b']['lost'] by" in refused(graph)
    assert "at .nodes{key} by" in refused(nx.path_graph([Lost()]))


class Lost:
    def __getstate__(self) -> Any:
        raise OSError("lost")
