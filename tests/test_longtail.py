import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdsl.longtail import about_thirds, class_groups, profile_counts, validation_counts


@pytest.mark.parametrize(
    ("imbalance", "cifar10", "cifar100"),
    [
        (10, 20_431, 19_573),
        (20, 17_023, 15_907),
        (50, 13_996, 12_608),
        (100, 12_406, 10_847),
        (200, 11_203, 9_502),
    ],
)
def test_totals_are_the_published_ones(imbalance, cifar10, cifar100):
    assert sum(profile_counts([5000] * 10, imbalance)) == cifar10
    assert sum(profile_counts([500] * 100, imbalance)) == cifar100


def test_cifar10_lt_100_class_by_class():
    expected = (5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50)
    assert profile_counts([5000] * 10, 100) == expected


@given(
    smallest=st.integers(1, 6000),
    classes=st.integers(2, 60),
    imbalance=st.integers(1, 500),
)
def test_exponential_profile_is_the_exact_floor(smallest, classes, imbalance):
    """n ≤ N_max · IF^(−c/(C−1)) < n + 1, checked in exact arithmetic."""
    counts = profile_counts([smallest] * classes, imbalance)
    for c, count in enumerate(counts):
        power = classes - 1  # both sides to this power: only integers remain
        bound = Fraction(smallest**power, imbalance**c)
        assert count == 1 or count**power <= bound
        assert bound < (count + 1) ** power


def test_last_class_is_exactly_n_over_imbalance():
    for imbalance in range(1, 400):
        assert profile_counts([imbalance * 3] * 7, imbalance)[-1] == 3


def test_step_profile():
    assert profile_counts([5000] * 10, 100, "step") == (5000,) * 5 + (50,) * 5
    assert profile_counts([60] * 3, 10, "step") == (60, 6, 6)


def test_limits():
    assert profile_counts([7], 100) == profile_counts([7], 100, "step") == (7,)
    assert profile_counts([9, 8, 7], 1) == (7, 7, 7)
    assert profile_counts([30] * 4, 1000)[-1] == 1


@pytest.mark.parametrize(
    ("available", "imbalance", "profile"),
    [
        ([], 10, "step"),
        ([5, 0], 10, "step"),
        ([5, 5], 0.5, "step"),
        ([5, 5], float("nan"), "step"),
        ([5, 5], float("inf"), "step"),
        ([5, 5], 10, "linear"),
    ],
)
def test_nonsense_is_refused(available, imbalance, profile):
    with pytest.raises(ValueError, match=r"class|imbalance|profile"):
        profile_counts(available, imbalance, profile)


def test_groups_by_the_published_bounds():
    groups = class_groups([500, 101, 100, 20, 19, 1])
    assert groups == ((0, 1), (2, 3), (4, 5))
    assert groups.many == (0, 1)


def test_groups_become_thirds_where_one_is_empty():
    counts = profile_counts([5000] * 10, 100)  # no class below 20
    assert class_groups(counts) == ((0, 1, 2), (3, 4, 5, 6), (7, 8, 9))
    assert class_groups([1, 300, 2, 400, 3, 500]) == ((3, 5), (1, 4), (0, 2))


def test_two_classes_make_no_few():
    assert class_groups([500, 499]) == ((0, 1), (), ())
    assert class_groups([5]) == ((), (), (0,))
    assert not about_thirds([500, 499])


def test_thirds_are_told_with_their_ranges():
    assert about_thirds([1523, 184, 165, 136, 91, 51]) == (
        "groups are thirds of the classes by frequency, as no class is few by definition (many > 100, few < 20 "
        "training images): many 1,523–184, medium 165–136, few 91–51 training images"
    )
    assert "no class is medium or few by definition" in about_thirds([200, 200, 200])
    assert about_thirds([200, 50, 3]) == ""


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=40))
def test_every_class_is_in_one_group(counts):
    groups = class_groups(counts)
    assert sorted(sum(groups, ())) == list(range(len(counts)))
    assert len(counts) < 3 or all(groups)


def test_validation_rounds_half_up_and_leaves_an_image():
    assert validation_counts([100, 15, 14, 5, 4, 1], 0.1) == (10, 2, 1, 1, 0, 0)
    assert validation_counts([3, 2, 1], 0.9) == (2, 1, 0)
    assert validation_counts([50, 35], 0.0) == (0, 0)
    assert validation_counts([50], 0.07) == (4,)  # 3.5000000000000004
    assert validation_counts([25], 0.58) == (15,)  # 14.499999999999998
    for fraction in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match="fraction"):
            validation_counts([5], fraction)


def test_import_is_light():
    code = "import sys, ltdsl.longtail; print({'numpy', 'mindspore'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "set()\n", result.stderr
