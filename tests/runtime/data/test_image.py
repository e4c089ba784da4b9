"""From an image file to pixels: every kind of file that people have."""

import errno
import io

import numpy as np
import pytest
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.image import View
from PIL import Image

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (9, 12, 3), dtype=np.uint8)
SAME = View(3, 9, 12)


def saved(tmp_path, image, name="a.png", **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


def pixels(path, view=SAME):
    return view(view.open(path)).transpose(1, 2, 0)


def test_colour_is_read_as_it_is(tmp_path):
    for name in ("a.png", "a.bmp", "a.ppm", "a.tif"):
        assert np.array_equal(pixels(saved(tmp_path, Image.fromarray(COLOUR), name)), COLOUR)
    webp = saved(tmp_path, Image.fromarray(COLOUR), "a.webp", lossless=True)
    assert np.array_equal(pixels(webp), COLOUR)


def test_grey_is_repeated_and_alpha_dropped(tmp_path):
    grey = COLOUR[..., 0]
    expected = np.repeat(grey[..., None], 3, 2)
    assert np.array_equal(pixels(saved(tmp_path, Image.fromarray(grey))), expected)
    alpha = RNG.integers(0, 256, (9, 12), dtype=np.uint8)
    see_through = Image.fromarray(np.dstack([COLOUR, alpha]))
    assert np.array_equal(pixels(saved(tmp_path, see_through)), COLOUR)
    both = Image.fromarray(np.dstack([grey, alpha]), "LA")
    assert np.array_equal(pixels(saved(tmp_path, both)), expected)
    assert np.array_equal(
        View(1, 9, 12)(View(1, 9, 12).open(saved(tmp_path, Image.fromarray(grey))))[0], grey
    )


def test_palettes_and_bits(tmp_path):
    flat = np.where(COLOUR[..., :1] > 127, [10, 20, 30], [200, 100, 0]).astype(np.uint8)
    palette = Image.fromarray(flat).convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    assert np.array_equal(pixels(saved(tmp_path, palette)), flat)
    transparent = saved(tmp_path, palette, "t.png", transparency=b"\0\xff\x80\xff")
    assert np.array_equal(pixels(transparent), flat)
    bits = Image.fromarray(COLOUR[..., 0] > 127)
    assert set(np.unique(pixels(saved(tmp_path, bits)))) == {0, 255}


def test_sixteen_bits_keep_the_upper_byte(tmp_path):
    wide = RNG.integers(0, 1 << 16, (9, 12), dtype=np.uint16)
    for name in ("a.png", "a.tif"):
        found = pixels(saved(tmp_path, Image.fromarray(wide), name))
        assert np.array_equal(found, np.repeat((wide >> 8).astype(np.uint8)[..., None], 3, 2))


def test_cmyk_jpeg(tmp_path):
    """As Pillow, and so torchvision, reads it: Adobe's inverted ones included."""
    cmyk = Image.fromarray(np.full((9, 12, 3), (200, 30, 90), np.uint8)).convert("CMYK")
    path = saved(tmp_path, cmyk, "a.jpg", quality=100)
    assert np.abs(pixels(path).astype(int) - (200, 30, 90)).max() <= 3


def test_orientation_in_exif_is_left_alone(tmp_path):
    turned = Image.fromarray(COLOUR)
    exif = turned.getexif()
    exif[0x0112] = 6
    path = saved(tmp_path, turned, "a.png", exif=exif)
    assert Image.open(path).getexif()[0x0112] == 6
    assert np.array_equal(pixels(path), COLOUR)


def test_evaluation_resizes_the_shorter_side_and_cuts_the_centre():
    """Resize(8), CenterCrop(6) of torchvision, written out."""
    image = Image.fromarray(RNG.integers(0, 256, (10, 25, 3), dtype=np.uint8))
    view = View.square(6, 0.75)
    resized = np.asarray(image.resize((20, 8), Image.Resampling.BILINEAR))
    assert np.array_equal(view(image).transpose(1, 2, 0), resized[1:7, 7:13])
    upright = image.transpose(Image.Transpose.ROTATE_90)
    resized = np.asarray(upright.resize((8, 20), Image.Resampling.BILINEAR))
    assert np.array_equal(view(upright).transpose(1, 2, 0), resized[7:13, 1:7])
    assert View.square(224, 0.875).ratio * 224 == 256


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (7, 3), (224, 224), (33, 1000)])
def test_any_size_becomes_the_input(size):
    image = Image.fromarray(np.full((*size, 3), 9, np.uint8))
    for view in (View.square(16, 0.875), View.square(16, 1.0), View(1, 5, 9)):
        found = view(image if view.channels == 3 else image.convert("L"))
        assert found.shape == (view.channels, view.height, view.width)
        assert np.all(found == 9)


def test_long_images_are_not_resized_as_a_whole(monkeypatch):
    """One of 1 × 60,000 pixels would take twelve gigabytes on the way to 224 × 224."""
    long = Image.fromarray(np.tile(COLOUR[:4, :8], (1, 100, 1)))
    high = Image.fromarray(np.tile(COLOUR[:8, :4], (100, 1, 1)))
    whole = View(3, 8, 8, 2.0)
    for image, size in ((long, (3200, 16)), (high, (16, 3200))):
        resized = image.resize(size, Image.Resampling.BILINEAR)
        left, top = (size[0] - 8) // 2, (size[1] - 8) // 2
        expected = View.pixels(resized.crop((left, top, left + 8, top + 8))).astype(int)
        assert np.abs(whole(image) - expected).max() <= 1
    sizes, resize = [], Image.Image.resize
    monkeypatch.setattr(
        Image.Image,
        "resize",
        lambda self, size, *rest: sizes.append(size) or resize(self, size, *rest),
    )
    for size in ((60_000, 1), (1, 60_000)):
        assert View.square(224, 0.875)(Image.new("RGB", size)).shape == (3, 224, 224)
    assert all(wide * high < 2_000_000 for wide, high in sizes)


def test_prediction_sees_what_evaluation_sees(tmp_path):
    image = Image.fromarray(RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    path, view = saved(tmp_path, image), View.square(16, 0.8)
    assert np.array_equal(view(view.open(path)), view(image))


def jpeg(size=(64, 64)):
    buffer = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (*size, 3), dtype=np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def png():
    buffer = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (jpeg()[:-500], "truncated"),
        (png()[:-500], "truncated"),
        (png()[:100] + b"\0" * 2000, ""),
        (b"", "no JPEG, PNG"),
        (b"<html>not found</html>", "no JPEG, PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no JPEG, PNG"),
        (jpeg()[:2] + RNG.bytes(3000), ""),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, content, why):
    path = tmp_path / "odd name.jpg"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"odd name.jpg cannot be read: ") as caught:
        SAME.open(path)
    assert caught.value.code == "LT402"
    assert why in caught.value.message
    assert "--skip-unreadable" in caught.value.hint
    assert caught.value.message.count(str(path)) == 1


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone.png is missing") as caught:
        SAME.open(tmp_path / "gone.png")
    assert caught.value.code == "LT401"


def test_an_image_that_claims_a_billion_pixels(tmp_path):
    data = bytearray(png())
    data[16:24] = (40_000).to_bytes(4, "big") * 2
    path = tmp_path / "bomb.png"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"bomb.png cannot be read"):
        SAME.open(path)


def test_floating_point_is_refused(tmp_path):
    path = saved(tmp_path, Image.fromarray(np.zeros((4, 4), np.float32)), "a.tif")
    with pytest.raises(DataError, match="floating-point"):
        SAME.open(path)


def test_the_systems_errors_are_not_the_files(tmp_path, monkeypatch):
    """A disk that is gone must not count as a broken image, which could be skipped."""
    path = saved(tmp_path, Image.fromarray(COLOUR))

    def gone(*_, **__):
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(Image, "open", gone)
    with pytest.raises(OSError, match="Input/output error") as caught:
        SAME.open(path)
    assert not isinstance(caught.value, DataError)


def test_a_folder_in_an_images_place(tmp_path):
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        SAME.open(tmp_path)
