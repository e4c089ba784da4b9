import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor
from scipy import stats

from runtime.mixers import InputMixup


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_follow_the_beta_distribution(alpha):
    mixup = InputMixup(alpha)
    rng = np.random.default_rng(7)
    shares = [mixup.draw(rng, 3)[1][0] for _ in range(2000)]
    assert stats.kstest(shares, stats.beta(alpha, alpha).cdf).pvalue > 0.01


def test_a_draw_is_one_share_and_a_permutation():
    partner, share = InputMixup(1.0).draw(np.random.default_rng(0), 64)
    assert partner.dtype == np.int32
    assert share.dtype == np.float32
    assert share.shape == (64,)
    assert len(set(share)) == 1
    assert sorted(partner) == list(range(64))


def test_a_draw_depends_on_its_generator_alone():
    first = InputMixup(1.0).draw(np.random.default_rng(5), 16)
    np.random.default_rng(9).random(3)
    second = InputMixup(1.0).draw(np.random.default_rng(5), 16)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_partners_are_uniform():
    mixup = InputMixup(1.0)
    rng = np.random.default_rng(3)
    partners = np.stack([mixup.draw(rng, 8)[0] for _ in range(2000)])
    counts = np.stack([np.bincount(column, minlength=8) for column in partners.T])
    # rows and columns are both fixed: (8 − 1)² degrees of freedom
    statistic = ((counts - 250.0) ** 2 / 250.0).sum()
    assert stats.chi2(49).sf(statistic) > 0.01


def test_images_are_mixed_as_the_formula_says():
    rng = np.random.default_rng(1)
    images = rng.normal(size=(6, 3, 5, 7)).astype(np.float32)
    partner = rng.permutation(6).astype(np.int32)
    share = rng.random(6).astype(np.float32)
    mixup = InputMixup(1.0)
    labels = np.arange(6, dtype=np.int32)
    mixed, others, own = mixup(Tensor(images), Tensor(labels), Tensor(partner), Tensor(share))
    mixed = mixed.asnumpy()
    np.testing.assert_array_equal(others.asnumpy(), partner)
    np.testing.assert_array_equal(own.asnumpy(), share)
    lam = share[:, None, None, None].astype(np.float64)
    np.testing.assert_allclose(mixed, lam * images + (1 - lam) * images[partner], atol=1e-6)
    ends = np.float32([1, 1, 1, 0, 0, 0])
    columns = Tensor(labels), Tensor(partner), Tensor(ends, ms.float32)
    mixed = mixup(Tensor(images), *columns)[0].asnumpy()
    np.testing.assert_array_equal(mixed[:3], images[:3])
    np.testing.assert_array_equal(mixed[3:], images[partner[3:]])
