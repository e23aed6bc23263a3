"""From a spectrum to the functional groups of its molecule: a small network, and the bands of each."""
