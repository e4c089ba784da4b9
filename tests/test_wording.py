"""Numbers of things in sentences."""

import pytest

from ltdsl.wording import counted, plural


def test_one_and_several():
    assert counted(1, "image") == "1 image"
    assert counted(0, "image") == "0 images"
    assert counted(1204, "training image", "is") == "1,204 training images are"
    assert counted(1, "class", "has") == "1 class has"
    assert counted(2, "entry", "stays") == "2 entries stay"


@pytest.mark.parametrize(
    ("one", "several"),
    [
        ("class", "classes"),
        ("batch", "batches"),
        ("entry", "entries"),
        ("key", "keys"),
        ("box", "boxes"),
    ],
)
def test_plurals(one, several):
    assert plural(one) == several
