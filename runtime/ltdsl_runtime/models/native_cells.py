"""Layers whose training runs on kernels of our own: float32 on a CPU, as MindSpore lays images out."""

from __future__ import annotations

import math
from collections.abc import Callable

import mindspore as ms
from mindspore import Parameter, Tensor, nn, ops

from ltdsl_runtime.machine.native.kernel import Kernel
from ltdsl_runtime.models.convolution import Convolution
from ltdsl_runtime.models.network import GlobalPool
from ltdsl_runtime.models.norm import NormRelu
from ltdsl_runtime.models.resnet import BasicBlock, PadShortcut, ZeroBorder

#: What a ReLU lets through at most.
CEILINGS: dict[type[nn.Cell], float] = {nn.ReLU: math.inf, nn.ReLU6: 6.0}


class Convolve(nn.Cell):
    """(images [B, I, H, W], weights [O, I, k, k]) -> [B, O, ⌈H/stride⌉, ⌈W/stride⌉], with gradients of its own.

    Args:
        stride: Of rows and columns, 1 or 2.
        same: Pads as TensorFlow does; otherwise by half the kernel.
        depthwise: Each channel has a kernel of its own, [I, 1, k, k].
    """

    def __init__(self, stride: int, same: bool = False, depthwise: bool = False) -> None:
        super().__init__()
        self.padding = Tensor([float(same)], ms.float32)
        name = "ltdsl_depthwise" if depthwise else "ltdsl_convolve"
        self.forward: Callable[..., Tensor] = Kernel(
            name, shape=lambda x, w, _: [x[0], w[0], -(-x[2] // stride), -(-x[3] // stride)]
        )
        name = "ltdsl_depthwise" if depthwise else "ltdsl"
        self.images: Callable[..., Tensor] = Kernel(
            f"{name}_images_gradient", lambda _g, _w, x, _: x
        )
        self.weights: Callable[..., Tensor] = Kernel(
            f"{name}_weights_gradient", lambda _g, _x, w, _: w
        )

    def construct(self, x: Tensor, weight: Tensor) -> Tensor:
        """The convolution."""
        return self.forward(x, weight, self.padding)

    def bprop(
        self, x: Tensor, weight: Tensor, _out: Tensor, gradient: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Gradients of the images and of the weights."""
        return (
            self.images(gradient, weight, x, self.padding),
            self.weights(gradient, x, weight, self.padding),
        )


class Normalise(nn.Cell):
    """(x [B, C, H, W], gamma, beta, kept mean, kept variance, each [C]) -> normalised x, and statistics [C].

    These are mean and biased variance of the batch, and the kept ones moved towards the mean and the unbiased variance.
    No gradient goes through what is done with them.

    Args:
        epsilon: Added to variances.
        share: Of the batch's statistics in what is kept.
        ceiling: Of a ReLU that follows: inf or 6; 0 for no ReLU.
    """

    def __init__(self, epsilon: float, share: float, ceiling: float = 0.0) -> None:
        super().__init__()
        self.rectifies = ceiling > 0
        self.constants = Tensor([epsilon, share, ceiling], ms.float32)
        self.forward: Callable[..., tuple[Tensor, ...]] = Kernel(
            "ltdsl_batch_norm", lambda x, gamma, *_: (x, gamma, gamma, gamma, gamma)
        )
        self.backward: Callable[..., tuple[Tensor, ...]] = Kernel(
            "ltdsl_batch_norm_gradient", lambda _g, x, gamma, *_: (x, gamma, gamma)
        )

    def construct(
        self, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor
    ) -> tuple[Tensor, ...]:
        """By the batch's own statistics."""
        return self.forward(x, gamma, beta, mean, variance, self.constants)

    def bprop(
        self,
        x: Tensor,
        gamma: Tensor,
        _beta: Tensor,
        mean: Tensor,
        variance: Tensor,
        out: tuple[Tensor, ...],
        gradients: tuple[Tensor, ...],
    ) -> tuple[Tensor, ...]:
        """Gradients of all inputs but the kept statistics, through the batch's own too."""
        given = (gradients[0], x, gamma, out[1], out[2], self.constants)
        of_inputs = self.backward(*given, out[0]) if self.rectifies else self.backward(*given)
        return (*of_inputs, ops.zeros_like(mean), ops.zeros_like(variance))


class NormaliseAndAdd(nn.Cell):
    """As :class:`Normalise` with a ReLU, but for what is added before it: (x, added, gamma, beta, mean, variance).

    That is a shortcut of the same shape, or of option A: of fewer channels, and of twice as many rows and columns.
    """

    def __init__(self, epsilon: float, share: float, ceiling: float) -> None:
        super().__init__()
        self.constants = Tensor([epsilon, share, ceiling], ms.float32)
        self.forward: Callable[..., tuple[Tensor, ...]] = Kernel(
            "ltdsl_batch_norm", lambda x, gamma, *_: (x, gamma, gamma, gamma, gamma)
        )
        self.backward: Callable[..., tuple[Tensor, ...]] = Kernel(
            "ltdsl_batch_norm_gradient",
            lambda _g, x, gamma, _mean, _variance, _constants, _result, added: (
                *(x, gamma, gamma),
                added,
            ),
        )

    def construct(
        self, x: Tensor, added: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor
    ) -> tuple[Tensor, ...]:
        """By the batch's own statistics."""
        return self.forward(x, gamma, beta, mean, variance, self.constants, added)

    def bprop(
        self,
        x: Tensor,
        added: Tensor,
        gamma: Tensor,
        _beta: Tensor,
        mean: Tensor,
        variance: Tensor,
        out: tuple[Tensor, ...],
        gradients: tuple[Tensor, ...],
    ) -> tuple[Tensor, ...]:
        """Gradients of all inputs but the kept statistics, through the batch's own too."""
        dx, d_gamma, d_beta, d_added = self.backward(
            gradients[0], x, gamma, out[1], out[2], self.constants, out[0], added
        )
        return dx, d_added, d_gamma, d_beta, ops.zeros_like(mean), ops.zeros_like(variance)


class Pool(nn.Cell):
    """(x [B, K, h, w], (2, 3)) -> means over all positions [B, K]."""

    def __init__(self) -> None:
        super().__init__()
        self.forward: Callable[..., Tensor] = Kernel(
            "ltdsl_pool", lambda x: x, shape=lambda x: x[:2]
        )
        self.backward: Callable[..., Tensor] = Kernel("ltdsl_pool_gradient", lambda _, x: x)

    def construct(self, x: Tensor, _axes: tuple[int, int]) -> Tensor:
        """Means."""
        return self.forward(x)

    def bprop(
        self, x: Tensor, axes: tuple[int, int], _out: Tensor, gradient: Tensor
    ) -> tuple[Tensor, tuple[int, int]]:
        """Each position has the same."""
        return self.backward(gradient, x), axes


class MaxPool(nn.Cell):
    """x [B, K, H, W] -> maxima of windows [B, K, h, w]; of equal pixels the first has the gradient.

    Args:
        size: Rows and columns of a window.
        stride: Step between windows.
        padding: Around images, with less than what is in them: ``valid`` for nothing, ``same`` as TensorFlow pads, or
            ``half`` a window.
    """

    def __init__(self, size: int, stride: int, padding: str) -> None:
        super().__init__()
        paddings = ("valid", "same", "half")
        self.settings = Tensor([size, stride, paddings.index(padding)], ms.float32)
        lost = {"valid": size - 1, "same": 0, "half": size - 1 - size // 2 * 2}[padding]
        self.forward: Callable[..., Tensor] = Kernel(
            "ltdsl_max_pool",
            shape=lambda x, _: [*x[:2], *(-(-(pixels - lost) // stride) for pixels in x[2:])],
        )
        self.backward: Callable[..., Tensor] = Kernel(
            "ltdsl_max_pool_gradient", lambda _, x, *__: x
        )

    def construct(self, x: Tensor) -> Tensor:
        """Maxima."""
        return self.forward(x, self.settings)

    def bprop(self, x: Tensor, out: Tensor, gradient: Tensor) -> tuple[Tensor]:
        """Each window's goes to one pixel."""
        return (self.backward(gradient, x, out, self.settings),)


class NormaliseInTraining(nn.Cell):
    """What ``nn.BatchNorm2d`` calls in training: (x, gamma, beta, moving mean, moving variance) -> (normalised x, …).

    As MindSpore's operator it moves the statistics, and the variance that it moves towards is the unbiased one.

    Args:
        epsilon: Added to variances.
        momentum: The part of the batch's statistics in what is kept.
        ceiling: Of a ReLU that follows: inf or 6; 0 for no ReLU.
    """

    def __init__(self, epsilon: float, momentum: float, ceiling: float = 0.0) -> None:
        super().__init__()
        self.normalise = Normalise(epsilon, momentum, ceiling)

    def construct(
        self,
        x: Tensor,
        gamma: Tensor,
        beta: Tensor,
        moving_mean: Parameter,
        moving_variance: Parameter,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """By the batch's own statistics, which move those that are kept."""
        y, mean, variance, moved_mean, moved_variance = self.normalise(
            x, gamma, beta, moving_mean, moving_variance
        )
        ops.assign(moving_mean, moved_mean)
        ops.assign(moving_variance, moved_variance)
        return y, mean, variance


class JoinInTraining(nn.Cell):
    """What a :class:`ltdsl_runtime.models.norm.NormRelu` calls in training where it has a shortcut.

    Args:
        epsilon: Added to variances.
        momentum: The part of the batch's statistics in what is kept.
        ceiling: Of the ReLU: inf or 6.
    """

    def __init__(self, epsilon: float, momentum: float, ceiling: float) -> None:
        super().__init__()
        self.normalise = NormaliseAndAdd(epsilon, momentum, ceiling)

    def construct(
        self,
        x: Tensor,
        shortcut: Tensor,
        gamma: Tensor,
        beta: Tensor,
        moving_mean: Parameter,
        moving_variance: Parameter,
    ) -> Tensor:
        """By the batch's own statistics, which move those that are kept."""
        y, _, _, moved_mean, moved_variance = self.normalise(
            x, shortcut, gamma, beta, moving_mean, moving_variance
        )
        ops.assign(moving_mean, moved_mean)
        ops.assign(moving_variance, moved_variance)
        return y


class NormaliseInInference(nn.Cell):
    """What ``nn.BatchNorm2d`` calls outside of training: (x, gamma, beta, mean, variance) -> (normalised x,).

    Args:
        epsilon: Added to variances.
        ceiling: Of a ReLU that follows: inf or 6; 0 for no ReLU.
    """

    def __init__(self, epsilon: float, ceiling: float = 0.0) -> None:
        super().__init__()
        self.epsilon, self.ceiling = epsilon, ceiling
        self.constants = Tensor([epsilon, 0, ceiling], ms.float32)
        self.forward: Callable[..., Tensor] = Kernel("ltdsl_kept_norm")

    def construct(
        self, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor
    ) -> tuple[Tensor]:
        """By the statistics given."""
        return (self.forward(x, gamma, beta, mean, variance, self.constants),)

    def bprop(
        self,
        x: Tensor,
        gamma: Tensor,
        _beta: Tensor,
        mean: Tensor,
        variance: Tensor,
        out: tuple[Tensor],
        gradients: tuple[Tensor],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Of statistics that are kept there is none."""
        g = gradients[0]
        if self.ceiling > 0:
            g = _let_through(g, out[0], self.ceiling)
        return _of_kept(g, x, gamma, mean, variance, self.epsilon)


class JoinInInference(nn.Cell):
    """What a :class:`ltdsl_runtime.models.norm.NormRelu` calls outside of training where it has a shortcut.

    Args:
        epsilon: Added to variances.
        ceiling: Of the ReLU: inf or 6.
    """

    def __init__(self, epsilon: float, ceiling: float) -> None:
        super().__init__()
        self.epsilon, self.ceiling = epsilon, ceiling
        self.constants = Tensor([epsilon, 0, ceiling], ms.float32)
        self.forward: Callable[..., Tensor] = Kernel("ltdsl_kept_norm")
        self.of_shortcut: Callable[..., Tensor] = Kernel(
            "ltdsl_shortcut_gradient", lambda _, shortcut: shortcut
        )

    def construct(
        self,
        x: Tensor,
        shortcut: Tensor,
        gamma: Tensor,
        beta: Tensor,
        mean: Tensor,
        variance: Tensor,
    ) -> Tensor:
        """By the statistics given."""
        return self.forward(x, gamma, beta, mean, variance, self.constants, shortcut)

    def bprop(
        self,
        x: Tensor,
        shortcut: Tensor,
        gamma: Tensor,
        _beta: Tensor,
        mean: Tensor,
        variance: Tensor,
        out: Tensor,
        gradient: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Of statistics that are kept there is none."""
        g = _let_through(gradient, out, self.ceiling)
        of_inputs = _of_kept(g, x, gamma, mean, variance, self.epsilon)
        of_shortcut = g if shortcut.shape == x.shape else self.of_shortcut(g, shortcut)
        return (of_inputs[0], of_shortcut, *of_inputs[1:])


def _let_through(gradient: Tensor, result: Tensor, ceiling: float) -> Tensor:
    """The gradient before a ReLU that had this result."""
    inside = ops.logical_and(result > 0, result < ceiling)
    return gradient * ops.cast(inside, ms.float32)


def _of_kept(
    g: Tensor, x: Tensor, gamma: Tensor, mean: Tensor, variance: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of x, gamma, beta, mean and variance of a batch norm with statistics that are kept."""
    deviation = ops.rsqrt(variance + epsilon)
    centred = x - ops.reshape(mean, (1, -1, 1, 1))
    return (
        g * ops.reshape(gamma * deviation, (1, -1, 1, 1)),
        ops.sum(g * centred, (0, 2, 3)) * deviation,
        ops.sum(g, (0, 2, 3)),
        ops.zeros_like(mean),
        ops.zeros_like(variance),
    )


def use_native(network: nn.Cell) -> None:
    """Let a network's convolutions and batch norms train on the kernels, where these can do what the layer does.

    Those are square, odd convolutions of stride 1 or 2 that keep the size of images or halve it, of all channels or of
    each alone, and max pools of square windows. A batch norm takes the ReLU that follows it in a sequence with it, and
    a block's shortcut without parameters. Names, parameters and values stay.
    """
    for _, layer in network.cells_and_names():
        if isinstance(layer, Convolution):
            layer.by_hand = Convolve(1)
        elif type(layer) is nn.Conv2d and _fits(layer):
            same = layer.pad_mode == "same"
            del layer.conv2d
            layer.conv2d = Convolve(layer.stride[0], same, layer.group > 1)
        elif isinstance(layer, NormRelu):
            ceiling = CEILINGS[type(layer.relu)]
            layer.relu = nn.Identity()
            layer.join_in_training = JoinInTraining(layer.eps, layer.momentum, ceiling)
            layer.join_in_inference = JoinInInference(layer.eps, ceiling)
            _normalise(layer, ceiling)
        elif isinstance(layer, nn.BatchNorm2d):
            _normalise(layer)
        elif type(layer) is nn.MaxPool2d and layer.pad_mode in ("VALID", "SAME"):
            _pool(layer, layer.pad_mode.lower())
    for _, cell in network.cells_and_names():
        if isinstance(cell, nn.SequentialCell):
            _take_relus(cell)
            _take_borders(cell)
        elif isinstance(cell, BasicBlock) and isinstance(cell.shortcut, PadShortcut):
            cell.shortcut = nn.Identity()  # the batch norm sees what is missing
        elif isinstance(cell, GlobalPool):
            cell.mean = Pool()


def _normalise(layer: nn.BatchNorm2d, ceiling: float = 0.0) -> None:
    del layer.bn_train
    layer.bn_train = NormaliseInTraining(layer.eps, layer.momentum, ceiling)
    del layer.bn_infer
    layer.bn_infer = NormaliseInInference(layer.eps, ceiling)


def _take_relus(cells: nn.SequentialCell) -> None:
    """Let the batch norms of a sequence compute the ReLUs after them."""
    for index in range(len(cells) - 1):
        norm, relu = cells[index], cells[index + 1]
        if type(norm) is nn.BatchNorm2d and type(relu) in CEILINGS:
            _normalise(norm, CEILINGS[type(relu)])
            cells[index + 1] = nn.Identity()


def _take_borders(cells: nn.SequentialCell) -> None:
    """Let the pools of a sequence see the zeros before them, which are as good as nothing there."""
    for index in range(len(cells) - 1):
        border, pool = cells[index], cells[index + 1]
        if isinstance(border, ZeroBorder) and isinstance(pool, nn.MaxPool2d):
            _pool(pool, "half")
            cells[index] = nn.Identity()


def _pool(layer: nn.MaxPool2d, padding: str) -> None:
    size, stride = layer.kernel_size, layer.stride
    if isinstance(size, int) and isinstance(stride, int):
        del layer.max_pool
        layer.max_pool = MaxPool(size, stride, padding)


def _fits(layer: nn.Conv2d) -> bool:
    size, other = layer.kernel_size
    padded = layer.pad_mode == "pad" and set(_four(layer.padding)) == {size // 2}
    full = layer.group == 1
    return (
        size == other
        and size in range(1 if full else 3, 12, 2)
        and layer.stride in ((1, 1), (2, 2))
        and layer.dilation == (1, 1)
        and (full or layer.group == layer.in_channels == layer.out_channels)
        and (padded or layer.pad_mode == "same" or (size == 1 and layer.pad_mode == "valid"))
    )


def _four(padding: int | tuple[int, ...]) -> tuple[int, ...]:
    return (padding,) if isinstance(padding, int) else padding
