"""Porto's notation k_i(e_i e_s)k_s of a scattering geometry: directions and polarisations of the light, in and out.

``z(xy)-z``: light along z, polarised along x, comes in; light along -z, polarised along y, is detected. The axes are
those of the trajectory. T. C. Damen, S. P. S. Porto and B. Tell, Phys. Rev. 142, 570 (1966).
"""

from __future__ import annotations

import re

from mimyria.errors import ConfigError
from mimyria.frame import AXES


def polarisations(geometry: str) -> tuple[int, int]:
    """Return the axes (0 to 2) of the incoming and the outgoing polarisation; raise ConfigError if they cannot be."""
    match = re.fullmatch(r"[+-]?([xyz])\(([xyz])([xyz])\)[+-]?([xyz])", geometry)
    if not match:
        raise ConfigError(f"--porto takes geometries such as z(xx)z, z(xy)-z or x(yz)x, not {geometry!r}")
    direction_in, first, second, direction_out = match.groups()
    for way, polarisation, direction in (("in", first, direction_in), ("out", second, direction_out)):
        if polarisation == direction:
            raise ConfigError(
                f"--porto {geometry}: light that goes {way} along {direction} cannot be polarised along {direction}"
            )
    return AXES.index(first), AXES.index(second)
