"""Geometries of polarised light in the notation of Porto."""

import pytest

from mimyria.errors import ConfigError
from mimyria.spectra.porto import polarisations


def test_geometries_are_read() -> None:
    assert polarisations("z(xx)z") == (0, 0)
    assert polarisations("z(xy)-z") == (0, 1)
    assert polarisations("-y(xz)+x") == (0, 2)
    assert polarisations("x(yz)x") == (1, 2)


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        ("z(zx)z", "goes in along z cannot be polarised along z"),
        ("y(xz)-z", "goes out along z cannot be polarised along z"),
        ("z(xx)", "takes geometries such as"),
        ("z(xw)z", "not 'z\\(xw\\)z'"),
        ("zxxz", "takes geometries"),
        ("z(xx)zz", "takes geometries"),
    ],
)
def test_what_no_light_can_do_is_refused(geometry: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        polarisations(geometry)
