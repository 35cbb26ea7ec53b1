"""One picture, against torchvision's transforms and Pillow's own decoding."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import v2

from rd3.base.errors import UserError
from rd3.data.decode import decode, fit, fit_all, picture_suffixes, read_header


@pytest.mark.parametrize("size", [17, 32, 64, 224, 500])
@pytest.mark.parametrize("region", [(0, 0, 640, 427), (0, 0, 427, 427), (10, 0, 110, 301), (0, 0, 33, 20)])
def test_fitting_is_bit_for_bit_torchvisions_resize_and_centre_crop(photos, region, size):
    image = Image.fromarray(photos[0]).crop(region)
    oracle = v2.Compose([v2.Resize(size), v2.CenterCrop(size)])
    assert np.array_equal(np.asarray(fit(image, size)), np.asarray(oracle(image)))


@pytest.mark.parametrize(("ending", "options"), [("png", {}), ("bmp", {}), ("webp", {"lossless": True})])
def test_lossless_files_give_back_their_pixels(tmp_path, photos, ending, options):
    path = tmp_path / f"flower.{ending}"
    Image.fromarray(photos[1]).save(path, **options)
    assert np.array_equal(decode(path, channels=3, size=None), photos[1].transpose(2, 0, 1))


def test_a_jpeg_comes_back_close_to_what_was_written(tmp_path, photos):
    path = tmp_path / "flower.jpg"
    Image.fromarray(photos[1]).save(path, quality=95, subsampling=0)
    error = decode(path, channels=3, size=None).astype(float) - photos[1].transpose(2, 0, 1)
    assert 10 * np.log10(255**2 / (error**2).mean()) > 38


def test_a_grey_picture_has_three_equal_channels_in_a_colour_set(tmp_path, photos):
    path = tmp_path / "grey.jpg"
    Image.fromarray(photos[0]).convert("L").save(path)
    grey, colour = decode(path, channels=1, size=32), decode(path, channels=3, size=32)
    assert grey.shape == (1, 32, 32)
    assert np.array_equal(colour, np.repeat(grey, 3, axis=0))


@pytest.mark.parametrize(
    ("mode", "grey"), [("L", True), ("1", True), ("LA", True), ("RGB", False), ("RGBA", False), ("P", False)]
)
def test_a_header_tells_grey_from_colour(tmp_path, photos, mode, grey):
    path = tmp_path / "picture.png"
    Image.fromarray(photos[0]).convert(mode).save(path)
    header = read_header(path)
    assert (header.width, header.height, header.grey) == (640, 427, grey)


def test_a_grey_palette_is_grey_and_keeps_its_values(tmp_path, photos):
    path = tmp_path / "grey.png"
    own = Image.fromarray(photos[0]).convert("L")
    own.quantize(256).save(path)
    assert read_header(path).grey
    # 256 levels fit into the palette, so nothing is lost.
    assert np.abs(decode(path, channels=1, size=None)[0].astype(int) - np.asarray(own)).max() <= 2


def test_a_cmyk_jpeg_is_read_as_rgb(tmp_path, photos):
    path = tmp_path / "print.jpg"
    Image.fromarray(photos[0]).convert("CMYK").save(path, quality=95)
    assert decode(path, channels=3, size=16).shape == (3, 16, 16)


def test_sixteen_bits_are_refused_instead_of_clipped(tmp_path):
    path = tmp_path / "deep.png"
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(path)
    for read in (read_header, lambda file: decode(file, channels=1, size=None)):
        with pytest.raises(UserError, match=r"deep\.png.*more than 8 bits"):
            read(path)


def test_a_truncated_picture_is_named(tmp_path, photos):
    path = tmp_path / "half.jpg"
    Image.fromarray(photos[0]).save(path)
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(UserError, match=r"cannot read the image .*half\.jpg: .*truncated") as caught:
        decode(path, channels=3, size=None)
    assert "\n" not in str(caught.value)


def test_what_is_no_picture_or_not_there_is_named(tmp_path):
    path = tmp_path / "text.png"
    path.write_text("not a picture")
    with pytest.raises(UserError, match=r"text\.png: cannot identify"):
        read_header(path)
    with pytest.raises(UserError, match=r"absent\.png: No such file"):
        decode(tmp_path / "absent.png", channels=3, size=None)


def test_arrays_and_files_are_fitted_alike(tmp_path, crops):
    for channels in (1, 3):
        pixels = np.ascontiguousarray(crops[0, :2, ..., :channels].transpose(0, 3, 1, 2))
        path = tmp_path / f"{channels}.png"
        Image.fromarray(crops[0, 0, ..., 0] if channels == 1 else crops[0, 0]).save(path)
        assert np.array_equal(fit_all(pixels, 20)[0], decode(path, channels=channels, size=20))


def test_pictures_are_known_by_their_endings():
    assert {".jpg", ".jpeg", ".png", ".webp", ".ppm"} <= picture_suffixes()
    assert not {".txt", ".json", ".db"} & picture_suffixes()
