import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.models.convolution import ROWS_FROM, Convolution
from mindspore import Tensor, nn


class Weighed(nn.Cell):
    """Σ gradient · convolution: its derivatives are the convolution's gradients."""

    def __init__(self, convolution):
        super().__init__(auto_prefix=False)
        self.convolution = convolution

    def construct(self, x, gradient):
        return (self.convolution(x) * gradient).sum()


def gradients(convolution, x, gradient):
    """Value, and gradients by images and by weights."""
    step = ms.value_and_grad(Weighed(convolution), 0, [convolution.weight])
    value, (of_x, (of_weight,)) = step(Tensor(x), Tensor(gradient))
    return value.asnumpy(), of_x.asnumpy(), of_weight.asnumpy()


def by_formula(x, weight, gradient):
    """The same in float64, tap by tap."""
    pad = weight.shape[2] // 2
    height, width = x.shape[2:]
    padded = np.pad(x.astype(float), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    value, of_padded, of_weight = 0.0, np.zeros_like(padded), np.zeros(weight.shape)
    for row in range(weight.shape[2]):
        for column in range(weight.shape[3]):
            window = (..., slice(row, row + height), slice(column, column + width))
            tap = weight[:, :, row, column].astype(float)
            value += np.einsum("oc,bchw,bohw->", tap, padded[window], gradient)
            of_padded[window] += np.einsum("oc,bohw->bchw", tap, gradient)
            of_weight[:, :, row, column] = np.einsum("bohw,bchw->oc", gradient, padded[window])
    return value, of_padded[..., pad : pad + height, pad : pad + width], of_weight


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("size", [(7, 9), (17, 33)])  # below and above ROWS_FROM
def test_values_and_gradients_are_those_of_the_formula_and_of_the_plain_cell(kernel, size):
    assert (size[0] * size[1] >= ROWS_FROM) == (size == (17, 33))
    rng = np.random.default_rng(kernel)
    x = rng.normal(size=(3, 4, *size)).astype(np.float32)
    gradient = rng.normal(size=(3, 6, *size)).astype(np.float32)
    ours = Convolution(4, 6, kernel)
    weights = rng.normal(scale=0.1, size=ours.weight.shape).astype(np.float32)
    ours.weight.set_data(Tensor(weights))
    plain = nn.Conv2d(4, 6, kernel, pad_mode="pad", padding=kernel // 2)
    plain.weight.set_data(Tensor(ours.weight.asnumpy()))
    found = gradients(ours, x, gradient)
    for other in (by_formula(x, ours.weight.asnumpy(), gradient), gradients(plain, x, gradient)):
        for ours_, theirs in zip(found, other, strict=True):
            np.testing.assert_allclose(ours_, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())
    again = gradients(ours, x, gradient)
    assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))


def test_its_one_parameter_is_named_as_the_plain_cells():
    names = [parameter.name for parameter in Convolution(3, 4, 3).get_parameters()]
    assert names == ["weight"]
