import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.tricks.mixers import CutMix, InputMixup, Remix
from mindspore import Tensor
from scipy import stats


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_follow_the_beta_distribution(alpha):
    mixup = InputMixup(alpha)
    rng = np.random.default_rng(7)
    shares = [mixup.draw(rng, 3, (8, 8))[0][0] for _ in range(2000)]
    assert stats.kstest(shares, stats.beta(alpha, alpha).cdf).pvalue > 0.01


def test_a_draw_is_one_share():
    (share,) = InputMixup(1.0).draw(np.random.default_rng(0), 64, (8, 8))
    assert share.dtype == np.float32
    assert share.shape == (64,)
    assert len(set(share)) == 1


@pytest.mark.parametrize(
    "mixer", [InputMixup(), Remix(1, 3, 0.5, [2, 1]), CutMix(), CutMix(1, 0.5)]
)
def test_a_draw_depends_on_its_generator_alone(mixer):
    first = mixer.draw(np.random.default_rng(5), 16, (8, 8))
    np.random.default_rng(9).random(3)
    second = mixer.draw(np.random.default_rng(5), 16, (8, 8))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_images_are_mixed_as_the_formula_says():
    rng = np.random.default_rng(1)
    images, others = rng.normal(size=(2, 6, 3, 5, 7)).astype(np.float32)
    share = rng.random(6).astype(np.float32)
    labels = np.arange(6, dtype=np.int32)
    mixup = InputMixup(1.0)
    columns = [Tensor(a) for a in (images, labels, others, labels[::-1].copy())]
    mixed, own = mixup(*columns, Tensor(share))
    np.testing.assert_array_equal(own.asnumpy(), share)
    lam = share[:, None, None, None].astype(np.float64)
    np.testing.assert_allclose(mixed.asnumpy(), lam * images + (1 - lam) * others, atol=1e-6)
    ends = np.float32([1, 1, 1, 0, 0, 0])
    mixed = mixup(*columns, Tensor(ends, ms.float32))[0].asnumpy()
    np.testing.assert_array_equal(mixed[:3], images[:3])
    np.testing.assert_array_equal(mixed[3:], others[3:])


def test_remix_leans_to_the_rarer_class():
    """Equation 10 of the paper, written anew, on every pair of classes and on both sides of tau."""
    counts = np.array([300, 100, 99, 1])
    a, b = (labels.ravel().astype(np.int32) for labels in np.meshgrid(range(4), range(4)))
    remix = Remix(1.0, 3.0, 0.4, counts)
    x = np.ones((16, 2), np.float32)
    for lam in (0.1, 0.39, 0.5, 0.61, 0.9):
        share = np.full(16, lam, np.float32)
        mixed, own = remix(*(Tensor(v) for v in (x, a, 3 * x, b, share)))
        expected = [
            0
            if counts[i] / counts[j] >= 3 and lam < 0.4
            else 1
            if counts[i] / counts[j] <= 1 / 3 and 1 - lam < 0.4
            else lam
            for i, j in zip(a, b, strict=True)
        ]
        np.testing.assert_allclose(own.asnumpy(), expected, rtol=1e-6)
        np.testing.assert_allclose(mixed.asnumpy(), lam + 3 * (1 - lam), rtol=1e-6)


def test_cutmix_pastes_the_box_and_shares_by_pixels():
    rng = np.random.default_rng(2)
    cutmix = CutMix()
    x, other = np.zeros((4, 3, 6, 9), np.float32), np.ones((4, 3, 6, 9), np.float32)
    labels = np.zeros(4, np.int32)
    seen = set()
    for _ in range(50):
        box, share = cutmix.draw(rng, 4, (6, 9))
        assert box.dtype == np.int32
        mixed, own = cutmix(*(Tensor(v) for v in (x, labels, other, labels, box, share)))
        mixed = mixed.asnumpy()
        top, left, bottom, right = box
        expected = np.zeros((6, 9))
        expected[top:bottom, left:right] = 1
        np.testing.assert_array_equal(mixed, np.broadcast_to(expected, mixed.shape))
        np.testing.assert_allclose(own.asnumpy(), 1 - expected.mean(), atol=1e-6)
        seen.add(float(own.asnumpy()[0]))
    assert len(seen) > 5


def test_cmo_mixes_half_of_the_batches():
    rng = np.random.default_rng(3)
    mixed = [CutMix(1.0, 0.5).draw(rng, 1, (32, 32))[1][0] < 1 for _ in range(2000)]
    # a box can be empty, but seldom is
    assert 0.44 < np.mean(mixed) < 0.53


def test_mixed_area_follows_lambda():
    """Without the cut at the borders the mean area would be E[1 − λ] = 1/2; centred boxes keep theirs."""
    rng = np.random.default_rng(4)
    boxes = np.stack([CutMix().draw(rng, 1, (64, 64))[0] for _ in range(3000)])
    inner = boxes[(boxes[:, :2] > 0).all(1) & (boxes[:, 2:] < 64).all(1)]
    sides = (inner[:, 2:] - inner[:, :2]).astype(float)
    assert np.all(sides[:, 0] == sides[:, 1])
    assert 0 < sides.mean() < 64
