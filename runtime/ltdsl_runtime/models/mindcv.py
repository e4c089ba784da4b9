"""Any convolutional model of mindcv as a :class:`Network`: a source of ImageNet backbones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindspore import Tensor, nn

from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.packages import need
from ltdsl_runtime.models.network import Network
from ltdsl_runtime.models.resnet import padded_max_pool

if TYPE_CHECKING:
    from typing import TypeGuard

    class _Convolutional(nn.Cell):
        """What mindcv's convolutional families define."""

        def forward_features(self, x: Tensor) -> Tensor: ...
        def forward_head(self, x: Tensor) -> Tensor: ...


class _Features(nn.Cell):
    def __init__(self, model: _Convolutional) -> None:
        super().__init__()
        self.model = model

    def construct(self, x: Tensor) -> Tensor:
        return self.model.forward_features(x)


class _Head(nn.Cell):
    """Everything between the maps and the last dense layer, which is an identity by now."""

    def __init__(self, model: _Convolutional) -> None:
        super().__init__()
        self.model = model

    def construct(self, maps: Tensor) -> Tensor:
        return self.model.forward_head(maps)


class MindCV(Network):
    """A mindcv model: layers features, pool, fc.

    The model must define ``forward_features`` (to 4-D maps) and ``forward_head``, as mindcv's
    convolutional families do. What the family puts between its pool and its last dense layer
    (dropout, a hidden layer) belongs to ``pool``.

    Args:
        name: A name that ``mindcv.list_models()`` lists.
        num_classes: Number of classes.
        in_channels: Channels of the images.
        max_pool: How a residual network's first pooling pads: as ``mindcv`` or as ``torchvision`` has it.

    Raises:
        RunError: mindcv is not installed, or the model is unknown or unsuitable.
    """

    def __init__(
        self, name: str, num_classes: int, in_channels: int = 3, max_pool: str = "mindcv"
    ) -> None:
        model = _create(name, num_classes, in_channels)
        if max_pool == "torchvision":
            _pool_on_all_sides(model, name)
        plain = {id(p): p.name for p in model.get_parameters()}
        classifier = _detach_classifier(model, num_classes)
        if classifier is None or not _is_convolutional(model):
            raise RunError(
                "LT431", f"the mindcv model `{name}` has no maps or no classifier to use"
            )
        names = {id(p): f"body.features.{p.name}" for p in model.get_parameters()}
        super().__init__({"features": _Features(model)}, _Head(model), classifier)
        for parameter in model.get_parameters():
            # the model sits in two layers, each of which would add its own prefix
            parameter.name = names[id(parameter)]
        #: ``mindcv`` where its first pooling is not torchvision's, and could be.
        self.max_pool = (
            max_pool if isinstance(getattr(model, "max_pool", None), nn.MaxPool2d) else None
        )
        self.plain_names = {p.name: plain[id(p)] for p in self.get_parameters()}


def _create(name: str, num_classes: int, in_channels: int) -> nn.Cell:
    need(f"the model `{name}`", "mindcv")
    import mindcv

    if name not in mindcv.list_models():
        raise RunError("LT431", f"mindcv has no model `{name}`")
    try:
        return mindcv.create_model(name, num_classes=num_classes, in_channels=in_channels)
    except Exception as error:  # what its models raise has no common class
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise RunError(
            "LT431", f"mindcv cannot make its model `{name}`: {why}", "take another one"
        ) from error


def _pool_on_all_sides(model: nn.Cell, name: str) -> None:
    """Put torchvision's first pooling into a residual network: the same but for its padding."""
    if not isinstance(getattr(model, "max_pool", None), nn.MaxPool2d):
        message = f"the mindcv model `{name}` has no first pooling that could be torchvision's"
        raise RunError("LT431", message, "leave `max_pool` out")
    model.max_pool = nn.SequentialCell(padded_max_pool())  # type: ignore[attr-defined]


def _is_convolutional(model: nn.Cell) -> TypeGuard[_Convolutional]:
    return hasattr(model, "forward_features") and hasattr(model, "forward_head")


def _detach_classifier(model: nn.Cell, num_classes: int) -> nn.Dense | None:
    """Takes the last dense layer with one output a class out of a model, whatever its name."""
    found = None
    for parent in [cell for _, cell in model.cells_and_names()]:
        for name, child in parent.name_cells().items():
            if isinstance(child, nn.Dense) and child.out_channels == num_classes:
                found = parent, name, child
    if found is None:
        return None
    parent, name, classifier = found
    if isinstance(parent, nn.SequentialCell):
        parent[int(name)] = nn.Identity()
    else:
        setattr(parent, name, nn.Identity())
    return classifier
