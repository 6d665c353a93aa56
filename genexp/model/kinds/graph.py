"""What is known of genes shapes the first layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from genexp.errors import CohortError, TrainingError
from genexp.model.kind import Inputs, Kind
from genexp.settings.section import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genexp.model.autoencoder import Autoencoder
    from genexp.preprocessing import Preprocessed


class GraphParameters(Section):
    """What the graph kind has of its own."""

    graph: str = Field(
        "",
        description="graph: GMT file (also .gz) whose sets become the units of the first layer, or edges (two columns of gene names, "
        "separated by a tab) over which rows are propagated before it",
    )
    mask_decoder: bool = Field(
        False, description="graph: whether the last layer has the connections of the first one, mirrored (gene sets)"
    )


class Graph(Kind):
    """Gene sets as units, or one propagation over edges.

    With a GMT a unit of the first layer sees the genes of its set and no others, as in P-NET (Elmarakeby et al., Nature 2021) or VEGA
    (Seninge et al., Nature Communications 2021); the sets take the place of the first hidden width. A linear path past them would
    undo that, so this is never anchored. With edges each gene becomes a mean over its neighbours before the first layer
    (Kipf & Welling, ICLR 2017), which the layer's weights take up when they are folded.
    """

    Parameters: ClassVar[type[Section]] = GraphParameters
    gene_wise = "its graph is one of genes"

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.units: tuple[str, ...] = ()

    @property
    def hidden(self) -> tuple[int, ...]:
        """A unit for each gene set, then the configured widths but the first."""
        return (len(self.units), *self.config.hidden[1:]) if self.units else super().hidden

    @property
    def anchored(self) -> bool:
        """Never beside gene sets."""
        return super().anchored and not self.units

    def check(self, data: Preprocessed) -> None:
        """Refuse a file that is none, or that is of other genes."""
        super().check(data)
        self._read(tuple(data.var.index))

    def build(self, inputs: Inputs) -> Autoencoder:
        """The deep network behind the graph."""
        import torch

        from genexp.model.layers import Masked, Propagation

        found = self._read(inputs.genes)
        if not isinstance(found, tuple):
            network = super().build(inputs)
            network.encoder.insert(0, Propagation(found))
            return network
        self.units, members = found
        network, mask = super().build(inputs), torch.from_numpy(members)
        network.units = self.units
        bodies: tuple[Any, Any] = (network.encoder, network.decoder)
        bodies[0][0] = Masked(bodies[0][0], mask)
        if self.config.mask_decoder:
            bodies[1][-1] = Masked(bodies[1][-1], mask.T)
        return network

    def _read(self, genes: Sequence[str]) -> Any:
        """Names and members of gene sets, or normalised edges."""
        from genexp.model.graph import connect_sets, normalise_edges
        from genexp.names.gene_sets import read_edges, read_gene_sets

        path = self.config.graph
        if not path:
            raise TrainingError("kind=graph needs graph=PATH: a GMT file of gene sets, or a table of edges between genes")
        try:
            if path.removesuffix(".gz").endswith(".gmt"):
                return connect_sets(read_gene_sets(path), genes)
            return normalise_edges(read_edges(path), genes)
        except CohortError as error:
            raise TrainingError(f"graph: {error}") from None
