"""Prior knowledge about genes as the first layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from genexp.errors import TrainingError
from genexp.model.model_type import Inputs
from genexp.model.types.deep import Deep
from genexp.settings.section import Section

if TYPE_CHECKING:
    from scipy import sparse

    from genexp.model.autoencoder import Autoencoder
    from genexp.model.graph import GeneSets
    from genexp.model.training_data import TrainingData


class GraphParameters(Section):
    """Parameters of the graph autoencoder."""

    graph: str = Field(
        "",
        description="graph: GMT file (also .gz) whose sets become the "
        "units of the first layer, or edges "
        "(two columns of gene names, "
        "separated by a tab) over which rows are propagated before it",
    )
    mask_decoder: bool = Field(
        False,
        description=(
            "graph: whether the last layer has the connections of the first one, mirrored (gene "
            "sets)"
        ),
    )


class Graph(Deep):
    """Gene sets as units, or one propagation over edges.

    With a GMT a unit of the first layer sees the genes of its set and no others, ``h = relu((W *
    mask) x + b)``, as in P-NET (Elmarakeby et al., Nature 2021) or VEGA (Seninge et al., Nature
    Communications 2021); the sets take the place of the first hidden width. A linear skip
    connection past them would undo that, so there is none. With edges each gene becomes a mean over
    its neighbours before the first layer, ``x -> D^-1/2 (A + I) D^-1/2 x`` (Kipf & Welling, ICLR
    2017), which is multiplied into the layer's weights when they are folded.

    The file is read once, by the first of :meth:`check` and :meth:`build`.
    """

    Parameters: ClassVar[type[Section]] = GraphParameters
    gene_wise = "its graph is one of genes"

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._graphs: dict[tuple[str, ...], GeneSets | sparse.coo_array] = {}
        self._units: tuple[str, ...] = ()

    @property
    def hidden(self) -> tuple[int, ...]:
        """A unit for each gene set, then the configured widths but the first."""
        return (len(self._units), *self.config.hidden[1:]) if self._units else super().hidden

    @property
    def has_skip(self) -> bool:
        """Never in addition to gene sets."""
        return super().has_skip and not self._units

    def check(self, data: TrainingData) -> None:
        """Refuse a file without a graph, or with other genes."""
        super().check(data)
        self._read(tuple(data.var.index))

    def build(self, inputs: Inputs) -> Autoencoder:
        """Build the deep network behind the graph."""
        import torch
        from torch import nn

        from genexp.model.graph import GeneSets
        from genexp.model.layers import Masked, Propagation

        graph = self._read(inputs.genes)
        if not isinstance(graph, GeneSets):
            network = super().build(inputs)
            network.encoder.insert(0, Propagation(graph))
            return network
        self._units = graph.names
        network, mask = super().build(inputs), torch.from_numpy(graph.members)
        network.units = graph.names
        first, last = network.encoder[0], network.decoder[-1]
        assert isinstance(first, nn.Linear)
        assert isinstance(last, nn.Linear)
        network.encoder[0] = Masked(first, mask)
        if self.config.mask_decoder:
            network.decoder[-1] = Masked(last, mask.T)
        return network

    def _read(self, genes: tuple[str, ...]) -> GeneSets | sparse.coo_array:
        """Gene sets, or normalised edges, between these genes."""
        from genexp.model.graph import read_graph

        if not self.config.graph:
            raise TrainingError(
                "kind=graph needs graph=PATH: a GMT file of gene sets, or a table of edges "
                "between genes"
            )
        if genes not in self._graphs:
            self._graphs[genes] = read_graph(self.config.graph, genes)
        return self._graphs[genes]
