"""Images in files: the same batches whatever reads them, and class folders of every kind."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from ltdsl_runtime.data import files as files_module
from ltdsl_runtime.data import load_dataset, survey
from ltdsl_runtime.data.augment import RandomCrop, RandomHorizontalFlip, RandomResizedCrop
from ltdsl_runtime.data.augment.colour import ColorJitter
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import ImageFiles, Names
from ltdsl_runtime.data.folders import load as read_all
from ltdsl_runtime.data.source import EvaluationSource, StageSource
from ltdsl_runtime.tricks.samplers import Moment, order
from PIL import Image
from support.image_files import write_digits

from ltdsl.catalogue import SAMPLERS, ImageFolder

JITTER = ColorJitter(0.4, 0.4, 0.4)
CHAIN = (RandomResizedCrop(0.08, 4 / 3), RandomHorizontalFlip(), JITTER)


def load(dataset, folder):
    """The training pool and the test part."""
    reading = read_all(dataset, folder)
    return reading.train, reading.test


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    write_digits(root / "train", [12, 8, 5, 3])
    write_digits(root / "test", [4, 4, 4, 4], test=True)
    return root


def declared(**changes):
    return ImageFolder(**({"size": 16, "crop": 1.0} | changes))


def source(part, chain=CHAIN):
    return StageSource(
        part,
        lambda epoch: order(SAMPLERS["class_balanced"](), part.labels, Moment(3, epoch)),
        batch_size=8,
        first_epoch=0,
        epochs=2,
        seed=5,
        augmentation=chain,
        partner=lambda epoch: np.arange(len(part))[::-1],
    )


def test_names():
    texts = ["a", "", "ümläut/ß.png", "b" * 300, "\udcff.jpg"]
    names = Names(texts)
    assert list(names) == texts
    assert [names[i] for i in (3, 0)] == [texts[3], "a"]
    taken = names.take(np.array([2, 2, 4])).take([1, 2])
    assert (len(taken), list(taken)) == (2, [texts[2], texts[4]])
    assert list(Names([])) == []


def test_parts_of_class_folders(folder):
    train, test = load(declared(), folder)
    assert (train.counts(), test.counts()) == ((12, 8, 5, 3), (4, 4, 4, 4))
    assert train.class_names == ("digit_0", "digit_1", "digit_2", "digit_3")
    assert train.names[0] == "train/digit_0/000.jpg"
    assert train.shape == (3, 16, 16)
    for index in (0, 13, 27):
        image = Image.open(train.path(index)).convert("RGB")
        assert np.array_equal(train.batch([index])[0].transpose(1, 2, 0), np.asarray(image))


def test_files_that_are_no_images_count_in_the_parts_that_are_read(tmp_path):
    for part in ("train", "test", "val"):
        (tmp_path / part / "lynx").mkdir(parents=True)
        (tmp_path / part / "lynx" / f"{part}.HEIC").touch()
    for part in ("train", "test"):
        Image.new("RGB", (5, 5)).save(tmp_path / part / "lynx" / "a.png")
    reading = read_all(declared(), tmp_path)
    assert reading.other_files == {".heic": 2}  # `val` has no image, so it is no part


def test_a_batch_is_a_function_of_seed_epoch_and_number(folder, monkeypatch):
    """One thread or four, in any order, from several threads at once, after a resume."""
    part, _ = load(declared(), folder)
    expected = [source(part)[i] for i in range(6)]
    results = []
    for count in (1, 4):
        pool = ThreadPoolExecutor(count)
        monkeypatch.setattr(files_module, "threads", lambda pool=pool: pool)
        fresh = source(part)
        results.append({i: fresh[i] for i in (5, 0, 3, 3, 1, 2, 4)})
    resumed = source(part)
    resumed.start_batch = 2
    results.append({i + 2: resumed[i] for i in range(4)})
    shared = source(part)
    with ThreadPoolExecutor(3) as pool:
        results.append(dict(enumerate(pool.map(shared.__getitem__, range(6)))))
    for result in results:
        for number, batch in result.items():
            assert all(map(np.array_equal, batch, expected[number])), number
    shapes = {batch[0].shape for batch in expected}
    assert shapes == {(8, 3, 16, 16)}
    assert len({batch[0].tobytes() for batch in expected}) == 6


def test_files_and_arrays_agree(folder):
    """Where no crop comes first, a part of files is the part of its decoded images."""
    from ltdsl_runtime.data import ImageArrays

    files, _ = load(declared(), folder)
    arrays = ImageArrays(files.batch(range(len(files))), files.labels, files.class_names)
    chain = (RandomCrop(2), RandomHorizontalFlip(), JITTER)
    for number in range(4):
        one, other = source(files, chain)[number], source(arrays, chain)[number]
        assert all(map(np.array_equal, one, other))
    batches = [EvaluationSource(part, 10) for part in (files, arrays)]
    assert len(batches[0]) == 3
    for number in range(3):
        pairs = zip(*(batch[number] for batch in batches), strict=True)
        assert all(np.array_equal(one, other) for one, other in pairs)
    assert batches[0][2][2].tolist() == [1] * 8 + [0] * 2


def test_hold_out(tmp_path):
    write_digits(tmp_path, [20, 10, 4, 2])
    train, test = load(declared(holdout=0.3), tmp_path)
    assert test.counts() == (6, 3, 1, 1)
    assert train.counts() == (14, 7, 3, 1)
    assert not set(train.names) & set(test.names)
    again = load(declared(holdout=0.3), tmp_path)[1]
    assert list(again.names) == list(test.names)
    other = load(declared(holdout=0.3, holdout_seed=1), tmp_path)[1]
    assert list(other.names) != list(test.names)
    # a class's choice does not depend on how many images another has
    for path in sorted((tmp_path / "digit_0").iterdir())[:6]:
        path.unlink()
    fewer = load(declared(holdout=0.3), tmp_path)[1]
    kept = [[name for name in part.names if "digit_0/" not in name] for part in (fewer, test)]
    assert kept[0] == kept[1] != []


def test_val_folder_and_odd_files(tmp_path):
    write_digits(tmp_path / "train", [3, 3])
    write_digits(tmp_path / "val", [2, 1], test=True)
    (tmp_path / "train" / "digit_0" / "notes.txt").write_text("x")
    (tmp_path / "train" / "digit_0" / ".hidden.png").write_text("x")
    (tmp_path / "train" / ".cache").mkdir()
    deeper = tmp_path / "train" / "digit_1" / "more" / "UPPER.PNG"
    deeper.parent.mkdir()
    Image.new("RGB", (5, 5)).save(deeper)
    (tmp_path / "train" / "digit_1" / "loop").symlink_to(tmp_path / "train" / "digit_1")
    train, test = load(declared(), tmp_path)
    assert (train.counts(), test.counts()) == ((3, 4), (2, 1))
    assert "train/digit_1/more/UPPER.PNG" in list(train.names)


def test_longer_tails(folder):
    dataset = declared(imbalance=12.0)
    assert survey(dataset, folder).counts == (12, 5, 2, 1)
    data = load_dataset(dataset, folder, 0.0, 0)
    assert data.counts == data.class_counts == (12, 5, 2, 1)
    assert isinstance(data.train, ImageFiles)
    held = load_dataset(declared(), folder, 0.25, 0)
    assert held.validation.counts() == (3, 2, 1, 1)
    assert held.class_counts == (12, 8, 5, 3)
    assert np.allclose(held.mean, (0.485, 0.456, 0.406))


def test_fingerprints(folder, tmp_path):
    part, _ = load(declared(), folder)
    before = part.fingerprint()
    assert before == load(declared(), folder)[0].fingerprint()
    assert before != part.take(range(27)).fingerprint()
    write_digits(tmp_path / "train", [12, 8, 5, 3])
    write_digits(tmp_path / "test", [1, 1, 1, 1])
    moved, _ = load(declared(), tmp_path)
    assert moved.fingerprint() == before  # another place, the same data
    with (tmp_path / "train" / "digit_2" / "001.png").open("ab") as file:
        file.write(b"x")
    assert moved.fingerprint() != before
    (tmp_path / "train" / "digit_2" / "001.png").unlink()
    with pytest.raises(DataError, match=r"001\.png is missing"):
        moved.fingerprint()


@pytest.mark.parametrize(
    ("make", "code", "said"),
    [
        (lambda root: root.rmdir(), "LT401", "is no folder"),
        (lambda root: None, "LT401", "has no class folder"),
        (lambda root: (root / "cat").mkdir(), "LT401", "there is no image in"),
        (lambda root: (root / "train").mkdir(), "LT401", "has no class folder"),
        (lambda root: write_digits(root, [5]), "LT403", "one class"),
        (lambda root: write_digits(root, [5, 1]), "LT403", "class digit_1 has one image"),
        (
            lambda root: (write_digits(root, [5, 5]), (root / "empty").mkdir()),
            "LT403",
            "no training image of class empty",
        ),
        (
            lambda root: (
                write_digits(root / "train", [5, 5]),
                write_digits(root / "test", [5, 5, 5]),
            ),
            "LT403",
            "has the class digit_2, which",
        ),
        (
            lambda root: (
                write_digits(root / "train", [5, 5]),
                (root / "test" / "digit_0").mkdir(parents=True),
            ),
            "LT401",
            "there is no image in",
        ),
    ],
)
def test_folders_that_cannot_be_trained_on(tmp_path, make, code, said):
    root = tmp_path / "data"
    root.mkdir()
    make(root)
    with pytest.raises(DataError, match=said) as caught:
        load_dataset(declared(), root, 0.0, 0)
    assert caught.value.code == code
    assert caught.value.hint
