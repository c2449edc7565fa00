"""The two heads: projection into the contrastive space, and the classifier."""

from jaxtyping import Float
from torch import Tensor, nn

from psp.model.convolution import initialise


class Projection(nn.Module):
    """The MLP of section 3.4, d -> d -> d; one for all levels and modalities, as in the published program."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.output = nn.Linear(width, width)
        self.activation = nn.ReLU()
        initialise(self)

    def forward(self, pooled: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Return the contrastive features of a level."""
        return self.output(self.activation(self.hidden(pooled)))


class Classifier(nn.Module):
    """FC of eq. 14, after dropout."""

    def __init__(self, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, classes)
        initialise(self)

    def forward(self, pooled: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        """Return the logits of one modality."""
        return self.linear(self.dropout(pooled))
