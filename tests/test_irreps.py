"""Irreps, couplings and bases: against e3nn, with which older models were made, and by what they must do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from e3nn import o3

from conftest import rotation, turned_tensor
from mimyria.model.irreps import Irrep, Irreps, tensor_irreps, wigner_3j
from mimyria.targets import TARGETS

TRIPLES = [
    (first, second, third)
    for first in range(5)
    for second in range(5)
    for third in range(abs(first - second), min(first + second, 4) + 1)
]
FORMULAS = {"apt": "ij", "pgt": "ijk=jik", "hgt": "ijkl=jikl=ikjl"}
"""The index symmetry of each target, as e3nn is told it."""


@pytest.mark.parametrize("degrees", TRIPLES)
def test_couplings_are_those_of_e3nn(degrees: tuple[int, int, int]) -> None:
    """Sign and all: models of earlier versions were trained with these."""
    expected = o3.wigner_3j(*degrees, dtype=torch.float64).numpy()
    np.testing.assert_allclose(wigner_3j(*degrees), expected, atol=1e-12)


def test_what_does_not_couple_is_exactly_zero() -> None:
    """So that it costs nothing: 3j symbols of l = 1, 1, 1 are those of the cross product."""
    assert np.count_nonzero(wigner_3j(1, 1, 1)) == 6
    np.testing.assert_allclose(wigner_3j(1, 1, 1)[0, 1], [0, 0, 6**-0.5], atol=1e-15)


@pytest.mark.parametrize(
    ("name", "irreps"), [("apt", "1x0e+1x1e+1x2e"), ("pgt", "2x1o+1x2o+1x3o"), ("hgt", "1x0e+1x1e+2x2e+1x3e+1x4e")]
)
def test_irreps_of_the_targets(name: str, irreps: str) -> None:
    found, change = tensor_irreps(TARGETS[name])
    assert str(found) == irreps
    assert found.size == len(change)
    flat = change.flatten(1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-6)


@pytest.mark.parametrize("name", TARGETS)
def test_bases_are_those_of_e3nn(name: str) -> None:
    formula = FORMULAS[name]
    products = o3.ReducedTensorProducts(formula, **dict.fromkeys(formula.split("=")[0], "1o"))
    found, change = tensor_irreps(TARGETS[name])
    assert str(found) == str(products.irreps_out.simplify())
    np.testing.assert_allclose(change, products.change_of_basis.float(), atol=1e-6)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("improper", [False, True])
def test_each_irrep_turns_by_itself(name: str, improper: bool) -> None:
    turn = rotation(3, improper=improper)
    irreps, change = tensor_irreps(TARGETS[name])
    tensor = TARGETS[name].symmetrise(np.random.default_rng(1).normal(size=(1, *TARGETS[name].shape)))
    basis = change.double().flatten(1).numpy()
    before, after = (basis @ one.ravel() for one in (tensor, turned_tensor(tensor, turn)))
    for irrep, place in irreps.single():
        matrix = o3.Irrep(irrep).D_from_matrix(torch.from_numpy(turn)).numpy()
        np.testing.assert_allclose(after[place], matrix @ before[place], atol=1e-5)


def test_irreps_that_stand_one_after_the_other() -> None:
    twice = Irreps((Irrep(1, 0, 1), Irrep(2, 1, -1))).repeated(2)
    assert str(twice) == "1x0e+2x1o+1x0e+2x1o"
    assert (twice.size, twice.highest) == (14, 1)
    assert twice.single()[2:4] == [("1o", slice(4, 7)), ("0e", slice(7, 8))]
    assert [irrep.natural for irrep in (*twice.parts[:2], Irrep(1, 2, -1))] == [True, True, False]
