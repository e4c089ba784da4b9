"""CAM-BS against an independent warp in NumPy float64, pixel by pixel."""

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.models import Network, freeze
from ltdsl_runtime.models.initial import initialise
from ltdsl_runtime.models.network import GlobalPool
from ltdsl_runtime.tricks import cam, warp
from ltdsl_runtime.tricks.cam import CamBalance
from ltdsl_runtime.tricks.warp import FLIP, KEEP, ROTATE, SCALE, TRANSLATE
from mindspore import Tensor, nn, ops
from scipy import stats

from ltdsl.catalogue import CamBalanced

BATCH, HEIGHT, WIDTH, CLASSES = 60, 12, 20, 5
SIZE = HEIGHT, WIDTH


def small_network(seed):
    body = {
        "stem": nn.SequentialCell(nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU()),
        "layer1": nn.SequentialCell(nn.Conv2d(6, 8, 3, stride=2), nn.ReLU()),
    }
    network = Network(body, GlobalPool(), nn.Dense(8, CLASSES))
    initialise(network, seed)
    return network


class Pieces(nn.Cell):
    """Everything on the way, from one compiled graph."""

    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, images, labels, kind, u):
        maps = self.network.features(images)
        activation = cam.activation_map(maps, self.network.classifier.weight, labels)
        mask = cam.foreground(activation, images.shape[2:], 1.0)
        box = warp.bounding_box(mask)
        matrix = warp.transformation(kind, u, box, images.shape[2:])
        return maps, activation, mask, ops.stack(box, -1), matrix


class Pasted(nn.Cell):
    """From a given mask to the composed image."""

    def __init__(self, compose):
        super().__init__()
        self.compose = compose

    def construct(self, images, mask, kind, u):
        size = images.shape[2:]
        box = warp.bounding_box(mask)
        matrix = warp.transformation(kind, u, box, size)
        return self.compose(images, mask, kind, matrix), ops.stack(box, -1), matrix


def resize(values, size):
    """Bilinear, pixel centres at half integers, edges repeated."""

    def weights(old, new):
        position = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        low = np.floor(position).astype(int)
        matrix = np.zeros((new, old))
        matrix[np.arange(new), low] += 1 - (position - low)
        matrix[np.arange(new), np.minimum(low + 1, old - 1)] += position - low
        return matrix

    rows, columns = weights(values.shape[0], size[0]), weights(values.shape[1], size[1])
    return rows @ values @ columns.T


def box_of(mask):
    if not mask.any():
        return 0, 0, mask.shape[1] - 1, mask.shape[0] - 1
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return columns[0], rows[0], columns[-1], rows[-1]


def source_of(kind, u, box, size):
    """Where each target pixel comes from: x, y, [H, W] each."""
    y, x = np.mgrid[: size[0], : size[1]].astype(float)
    x0, y0, x1, y1 = box
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    if kind == FLIP:
        return size[1] - 1 - x, y
    if kind == TRANSLATE:
        shifts_x = np.arange(-x0, size[1] - x1)
        shifts_y = np.arange(-y0, size[0] - y1)
        dx, dy = shifts_x[int(u[0] * len(shifts_x))], shifts_y[int(u[1] * len(shifts_y))]
        return x - dx, y - dy
    if kind == ROTATE:
        # y points down, so this turns the content clockwise by −45° + 90°·u
        moved = ((x - cx) + 1j * (y - cy)) * np.exp(-1j * np.deg2rad(-45 + 90 * u[0]))
        return cx + moved.real, cy + moved.imag
    if kind == SCALE:
        factor = 0.8 + 0.4 * u[0]
        return cx + (x - cx) / factor, cy + (y - cy) / factor
    return x, y


def sample(plane, x, y):
    x, y = np.clip(x, 0, plane.shape[1] - 1), np.clip(y, 0, plane.shape[0] - 1)
    out = np.zeros_like(x)
    for v in range(plane.shape[0]):
        for h in range(plane.shape[1]):
            out += plane[v, h] * np.maximum(0, 1 - abs(x - h)) * np.maximum(0, 1 - abs(y - v))
    return out


def reference(image, mask, kind, u):
    """x', the warped mask (fractional) and how far each source lies inside the image."""
    size = mask.shape
    x, y = source_of(kind, u, box_of(mask), size)
    margin = np.minimum(np.minimum(x, size[1] - 1 - x), np.minimum(y, size[0] - 1 - y))
    moved_mask = sample(mask.astype(float), x, y)
    moved = np.stack([sample(plane, x, y) for plane in image])
    either = (mask | (moved_mask >= 0.5)) & (margin >= 0)
    if kind == KEEP:
        either[:] = False
    return np.where(either, moved, image), moved_mask, margin


def tensors(images, labels, kind, u):
    return (
        Tensor(images, ms.float32),
        Tensor(labels, ms.int32),
        Tensor(kind, ms.int32),
        Tensor(u, ms.float32),
    )


@pytest.fixture(scope="module")
def run():
    """One batch through the product: inputs, what was on the way, and the result."""
    rng = np.random.default_rng(0)
    network = freeze(small_network(4))
    # statistics other than batch statistics: the map must come from the evaluation mode
    norm = network.body[0][1]
    norm.moving_mean.set_data(Tensor(rng.normal(size=6), ms.float32))
    norm.moving_variance.set_data(Tensor(rng.uniform(0.5, 2, 6), ms.float32))
    inputs = {
        "images": rng.normal(size=(BATCH, 3, *SIZE)).astype(np.float32),
        "labels": rng.integers(CLASSES, size=BATCH),
        "kind": np.arange(BATCH) % 5,
        "u": rng.random((BATCH, 2)).astype(np.float32),
    }
    columns = tensors(**inputs)
    balance = CamBalance(network, 1.0)
    balance.set_train(True)
    pieces = Pieces(network)
    names = ("maps", "cam", "mask", "box", "matrix")
    values = {n: t.asnumpy() for n, t in zip(names, pieces(*columns), strict=True)}
    out = balance(*columns).asnumpy()
    return {**inputs, **values, "out": out, "network": network, "balance": balance}


@pytest.fixture(scope="module", params=["mindspore", "native"])
def pasted(request):
    native = CamBalance(freeze(small_network(0))).compose
    assert native is not cam.compose
    return Pasted(native if request.param == "native" else cam.compose)


def paste(cell, images, mask, kind, u):
    batch = len(images)
    kind = np.full(batch, kind) if np.ndim(kind) == 0 else kind
    u = np.broadcast_to(np.float32(u), (batch, 2)) if np.ndim(u) < 2 else u
    columns = Tensor(images, ms.float32), Tensor(mask, ms.bool_)
    result = cell(*columns, Tensor(kind, ms.int32), Tensor(u, ms.float32))
    return [tensor.asnumpy() for tensor in result]


@pytest.fixture(scope="module")
def scenes():
    """Images with rectangular foregrounds, some at the border, the last two empty and full."""
    rng = np.random.default_rng(8)
    images = rng.normal(size=(16, 3, *SIZE)).astype(np.float32)
    mask = np.zeros((16, *SIZE), bool)
    for index in range(14):
        y0, x0 = rng.integers(HEIGHT - 2), rng.integers(WIDTH - 2)
        mask[index, y0 : y0 + rng.integers(1, 7), x0 : x0 + rng.integers(1, 9)] = True
    mask[0, :3, :4] = True
    mask[1, -3:, -4:] = True
    mask[15] = True
    return images, mask, rng.random((16, 2)).astype(np.float32)


def test_map_is_the_class_weighted_sum_min_max_normalised(run):
    weight = run["network"].classifier.weight.asnumpy().astype(float)
    for index in range(BATCH):
        plane = np.tensordot(weight[run["labels"][index]], run["maps"][index].astype(float), 1)
        low, high = plane.min(), plane.max()
        np.testing.assert_allclose(run["cam"][index], (plane - low) / (high - low), atol=1e-5)


def test_foreground_is_above_the_mean_of_the_resized_map(run):
    for index in range(BATCH):
        resized = resize(run["cam"][index].astype(float), SIZE)
        clear = abs(resized - resized.mean()) > 1e-5
        np.testing.assert_array_equal(run["mask"][index][clear], (resized > resized.mean())[clear])
        assert 0 < run["mask"][index].sum() < HEIGHT * WIDTH
        assert tuple(run["box"][index]) == box_of(run["mask"][index])


def test_the_threshold_is_a_factor_on_the_mean():
    plane = np.random.default_rng(2).random((1, *SIZE)).astype(np.float32)
    for factor in (0.75, 1.0, 1.5):
        mask = cam.foreground(Tensor(plane), SIZE, factor).asnumpy()
        np.testing.assert_array_equal(mask, plane > factor * plane.mean())


def test_result_equals_the_reference_warp(run):
    for index in range(BATCH):
        mask, kind = run["mask"][index], run["kind"][index]
        wanted, moved, margin = reference(run["images"][index], mask, kind, run["u"][index])
        # rounding may decide differently exactly at a boundary
        clear = (abs(margin) > 1e-4) & (mask | (abs(moved - 0.5) > 1e-4))
        if kind in (KEEP, FLIP, TRANSLATE):
            clear[:] = True
        got = run["out"][index]
        np.testing.assert_allclose(got[:, clear], wanted[:, clear], atol=1e-4)
        outside = ~(mask | (moved >= 0.5 - 1e-4))
        np.testing.assert_array_equal(got[:, outside], run["images"][index][:, outside])
        x, y = source_of(kind, run["u"][index], box_of(mask), SIZE)
        if (abs(x - np.arange(WIDTH)) + abs(y - np.arange(HEIGHT)[:, None])).max() > 0:
            assert (got != run["images"][index]).any()


def test_kept_images_are_unchanged_bit_for_bit(run):
    kept = run["kind"] == KEEP
    assert kept.sum() == 12
    np.testing.assert_array_equal(run["out"][kept], run["images"][kept])


@pytest.mark.parametrize("kind", [FLIP, TRANSLATE, ROTATE, SCALE])
def test_every_pixel_outside_both_masks_is_unchanged(pasted, scenes, kind):
    images, mask, u = scenes
    out, box, _ = paste(pasted, images, mask, kind, u)
    for index in range(len(images)):
        assert tuple(box[index]) == box_of(mask[index])
        _, moved, _ = reference(images[index], mask[index], kind, u[index])
        outside = ~(mask[index] | (moved >= 0.5 - 1e-4))
        np.testing.assert_array_equal(out[index][:, outside], images[index][:, outside])
        assert not mask[index].all() or not outside.any()
    np.testing.assert_array_equal(out[14], images[14])  # no foreground: nothing moves


def test_flip_copies_the_mirrored_image_exactly(pasted, scenes):
    images, mask, u = scenes
    out, _, _ = paste(pasted, images, mask, FLIP, u)
    either = (mask | mask[..., ::-1])[:, None]
    np.testing.assert_array_equal(out, np.where(either, images[..., ::-1], images))
    np.testing.assert_array_equal(out[15], images[15][..., ::-1])


def test_translation_moves_by_whole_pixels_and_keeps_the_box_inside(pasted, scenes):
    images, mask, _ = scenes
    for u in ((0.0, 0.0), (0.99999994, 0.99999994), (0.3, 0.8)):
        out, box, matrix = paste(pasted, images, mask, TRANSLATE, u)
        dx, dy = -matrix[:, 0, 2], -matrix[:, 1, 2]
        np.testing.assert_array_equal(matrix[:, :, :2], np.tile(np.eye(2), (16, 1, 1)))
        np.testing.assert_array_equal(dx, np.round(dx))
        for index in range(16):
            x0, y0, x1, y1 = box[index]
            dx_i, dy_i = int(dx[index]), int(dy[index])
            assert 0 <= x0 + dx_i <= x1 + dx_i <= WIDTH - 1
            assert 0 <= y0 + dy_i <= y1 + dy_i <= HEIGHT - 1
            if u[0] == 0.0:
                assert (x0 + dx_i, y0 + dy_i) == (0, 0)
            elif u[0] > 0.9:
                assert (x1 + dx_i, y1 + dy_i) == (WIDTH - 1, HEIGHT - 1)
            rows, columns = np.nonzero(mask[index])
            np.testing.assert_array_equal(
                out[index][:, rows + dy_i, columns + dx_i], images[index][:, rows, columns]
            )


def test_translations_are_uniform_over_the_possible_shifts(pasted):
    rng = np.random.default_rng(6)
    mask = np.zeros((16, *SIZE), bool)
    mask[:, 3:6, 4:19] = True  # 15 wide: six shifts, −4..1
    images = np.zeros((16, 3, *SIZE), np.float32)
    shifts = []
    for _ in range(60):
        u = cam.draw(rng, np.zeros(16, int), np.array([0.5, 0.5]))[1]
        shifts.extend(-paste(pasted, images, mask, TRANSLATE, u)[2][:, 0, 2])
    values, counts = np.unique(shifts, return_counts=True)
    assert list(values) == [-4, -3, -2, -1, 0, 1]
    assert stats.chisquare(counts).pvalue > 0.01


def test_rotation_by_zero_and_scaling_by_one_change_nothing(pasted, scenes):
    images, mask, _ = scenes
    turned, _, _ = paste(pasted, images, mask, ROTATE, 0.5)
    np.testing.assert_array_equal(turned, images)
    scaled, _, _ = paste(pasted, images, mask, SCALE, 0.5)
    np.testing.assert_allclose(scaled, images, atol=1e-4)


@pytest.mark.parametrize("u", [0.0, 0.25, 0.99999994])
def test_rotation_and_scaling_fix_the_centre_and_stay_in_range(pasted, scenes, u):
    images, mask, _ = scenes
    for kind in (ROTATE, SCALE):
        _, box, matrix = paste(pasted, images, mask, kind, u)
        centre = np.stack((box[:, 0] + box[:, 2], box[:, 1] + box[:, 3]), 1) / 2
        fixed = np.einsum("bij,bj->bi", matrix[:, :, :2], centre) + matrix[:, :, 2]
        np.testing.assert_allclose(fixed, centre, atol=1e-5)
        linear = matrix[:, :, :2].astype(float)
        if kind == ROTATE:
            angle = np.rad2deg(np.arctan2(linear[:, 0, 1], linear[:, 0, 0]))
            np.testing.assert_allclose(angle, -45 + 90 * u, atol=1e-4)
            np.testing.assert_allclose(np.linalg.det(linear), 1.0, atol=1e-5)
        else:
            factor = 1 / (0.8 + 0.4 * u)
            np.testing.assert_allclose(linear, np.tile(factor * np.eye(2), (16, 1, 1)), atol=1e-5)


def test_enlarging_a_foreground_that_fills_the_image_stays_inside(pasted, scenes):
    images, mask, _ = scenes
    grown, _, _ = paste(pasted, images, mask, SCALE, 0.99999994)
    wanted, _, _ = reference(images[15], mask[15], SCALE, (0.99999994, 0))
    np.testing.assert_allclose(grown[15], wanted, atol=1e-4)
    shrunk, _, _ = paste(pasted, images, mask, SCALE, 0.0)
    # sources of the outermost pixels lie outside: the original stays there
    np.testing.assert_array_equal(shrunk[15][:, 0], images[15][:, 0])
    np.testing.assert_array_equal(shrunk[15][:, :, -1], images[15][:, :, -1])


def test_constant_and_one_by_one_maps_leave_images_alone():
    for shape in ((2, 4, 3, 5), (2, 4, 1, 1)):
        maps = Tensor(np.ones(shape), ms.float32)
        weight = Tensor(np.random.default_rng(0).normal(size=(3, 4)), ms.float32)
        plane = cam.activation_map(maps, weight, Tensor([0, 2], ms.int32))
        assert not plane.asnumpy().any()
        assert not cam.foreground(plane, SIZE, 1.0).asnumpy().any()


def test_a_classifier_behind_a_hidden_layer_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a failed compilation leaves files in the working directory
    network = small_network(0)
    network.pool = nn.SequentialCell(GlobalPool(), nn.Dense(8, 16))
    network.classifier = nn.Dense(16, CLASSES)
    balance = CamBalance(freeze(network))
    columns = tensors(np.zeros((2, 3, *SIZE)), np.zeros(2), np.zeros(2), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="cam_bs needs a classifier"):
        balance(*columns)


class Step(nn.Cell):
    """A training step in small: the transformed batch goes through the live network."""

    def __init__(self, live, balance):
        super().__init__()
        self.live = live
        self.balance = balance

    def construct(self, images, labels, kind, u):
        return (self.live(self.balance(images, labels, kind, u)) ** 2).sum()


class StepGradient(nn.Cell):
    def __init__(self, step):
        super().__init__()
        self.step = step
        self.weights = ms.ParameterTuple(step.trainable_params())
        self.gradient = ops.grad(step, grad_position=0, weights=self.weights)

    def construct(self, *columns):
        return self.gradient(*columns)


def test_no_gradient_flows_and_the_frozen_network_stays_as_it_is(run):
    columns = tensors(*(run[name] for name in ("images", "labels", "kind", "u")))
    live, frozen = small_network(9), run["network"]
    before = [parameter.asnumpy().copy() for parameter in frozen.get_parameters()]
    step = Step(live, run["balance"])
    assert len(step.trainable_params()) == len(live.trainable_params())
    gradient = StepGradient(step)
    gradient.set_train(True)
    on_images, on_weights = gradient(*columns)
    assert not on_images.asnumpy().any()
    assert all(np.abs(g.asnumpy()).max() > 0 for g in on_weights)
    after = [parameter.asnumpy() for parameter in frozen.get_parameters()]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_keep_shares():
    counts = (100, 40, 10)  # g = 10, 70, 100
    np.testing.assert_allclose(CamBalanced().keep_shares(counts), [100 / 110, 40 / 110, 10 / 110])
    below = CamBalanced(below=50)  # g = 0, 50, 50
    np.testing.assert_allclose(below.keep_shares(counts), [1, 40 / 90, 10 / 60])
    assert CamBalanced(keep_originals=False).keep_shares(counts) == (0, 0, 0)
    assert CamBalanced(keep_originals=False, below=50).keep_shares(counts) == (1, 0, 0)
    assert CamBalanced().keep_shares((7, 7)) == (0.5, 0.5)


def test_draws_follow_the_probabilities():
    counts = np.array([100, 40, 10])
    keep = np.asarray(CamBalanced().keep_shares(counts))
    labels = np.repeat(np.arange(3), 4000)
    kind, u = cam.draw(np.random.default_rng(1), labels, keep)
    assert kind.dtype == np.int32
    assert u.dtype == np.float32
    assert u.shape == (12000, 2)
    assert u.min() >= 0
    assert u.max() < 1
    for label, probability in enumerate(1 - keep):
        seen = np.bincount(kind[labels == label], minlength=5)
        wanted = 4000 * np.array([1 - probability, *[probability / 4] * 4])
        assert stats.chisquare(seen, wanted).pvalue > 0.01
    for column in u.T:
        assert stats.kstest(column, "uniform").pvalue > 0.01
    again = cam.draw(np.random.default_rng(1), labels, keep)
    np.testing.assert_array_equal(kind, again[0])
    np.testing.assert_array_equal(u, again[1])
