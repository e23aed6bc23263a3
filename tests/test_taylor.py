"""The Taylor fit at order three: its stencil, what it determines, and the errors that its page states."""

from itertools import permutations
from math import factorial

import numpy as np
import pytest

from mimyria.labels.fields import fit_response, multi_indices, stencil, taylor

H = 8e-3


def symmetric(order: int, rng: np.random.Generator) -> np.ndarray:
    """A made-up derivative, symmetric in its field indices, which come first; that of two atoms."""
    tensor = rng.normal(size=(*(3,) * order, 2, 3))
    swaps = [(*p, order, order + 1) for p in permutations(range(order))]
    return np.mean([tensor.transpose(swap) for swap in swaps], axis=0)


def forces_in(fields: np.ndarray, derivatives: dict[int, np.ndarray]) -> np.ndarray:
    """Σ_k 1/k! ∂^k F · E^k, field by field."""
    forces = np.zeros((len(fields), 2, 3))
    for k, tensor in derivatives.items():
        for field, total in zip(fields, forces, strict=True):
            value = tensor
            for _ in range(k):
                value = np.tensordot(field, value, 1)
            total += value / factorial(k)
    return forces


def test_thirty_three_runs_hold_the_thirteen_of_the_order_below() -> None:
    fields = stencil(3, H)
    assert len(fields) == len(np.unique(fields.round(12), axis=0)) == 33
    np.testing.assert_allclose(fields.sum(axis=0), 0, atol=1e-15)
    assert {*map(tuple, stencil(2, H).round(12))} < {*map(tuple, fields.round(12))}
    assert np.linalg.norm(fields, axis=1).max() == pytest.approx(H)


def test_an_order_has_as_many_columns_as_a_symmetric_tensor_has_elements() -> None:
    assert [len(multi_indices(k)) for k in range(4)] == [1, 3, 6, 10]
    assert multi_indices(2) == [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_polynomial_of_the_order_comes_back(order: int) -> None:
    rng = np.random.default_rng(order)
    known = {k: symmetric(k, rng) for k in range(order + 1)}
    fields = stencil(order, H)
    found = taylor(fields, forces_in(fields, known))
    assert set(found) == set(known)
    for k, tensor in known.items():
        np.testing.assert_allclose(found[k], tensor, atol=1e-13 / H**k)


@pytest.mark.parametrize("seed", [0, 1])
def test_any_twenty_fields_will_do_and_nineteen_stop_at_the_second_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fields = rng.normal(size=(24, 3))
    known = {k: symmetric(k, rng) for k in range(4)}
    np.testing.assert_allclose(taylor(fields, forces_in(fields, known))[3], known[3], atol=1e-9)
    assert set(taylor(fields[:19], forces_in(fields[:19], known))) == {0, 1, 2}


def test_fields_of_one_length_do_not_tell_the_first_order_from_the_third() -> None:
    fields = stencil(3, H)
    one_length = fields[np.isclose(np.linalg.norm(fields, axis=1), H) | ~fields.any(axis=1)]
    assert len(one_length) == 27
    assert max(taylor(one_length, np.zeros((27, 1)))) == 2
    turned = (one_length / H @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]).round(11) * H
    assert max(taylor(turned, np.zeros((27, 1)))) == 2  # nor do the digits of a file, which are not quite of one length


@pytest.mark.parametrize(
    ("order", "of", "left_out", "largest"),
    [
        (2, 1, 3, 1 / 6),
        (3, 1, 3, 0.0),
        (3, 1, 5, 0.003 * H**2),
        (1, 1, 3, 1 / 6),
        (2, 2, 4, 1 / 8),
        (3, 2, 4, 1 / 12),
        (3, 3, 5, 1 / 12),
        (3, 3, 4, 0.0),
    ],
)
def test_the_error_of_what_is_left_out_is_as_stated(order: int, of: int, left_out: int, largest: float) -> None:
    """One element of the left-out derivative at a time, of size one: the error is `largest` h² times it at most."""
    fields = stencil(order, H)
    worst = 0.0
    for index in multi_indices(left_out):
        tensor = np.zeros((*(3,) * left_out, 2, 3))
        for permuted in permutations(index):
            tensor[permuted] = 1.0
        worst = max(worst, float(abs(taylor(fields, forces_in(fields, {left_out: tensor}))[of]).max()))
    assert worst <= largest * H**2 * (1 + 1e-9) + 1e-12 / H**of * H**left_out
    assert largest == 0 or worst > 0.5 * largest * H**2  # it is not overstated either


def test_noise_grows_as_stated() -> None:
    fields, draws = stencil(3, H), 400
    noise = np.random.default_rng(0).normal(size=(len(fields), draws))
    found = taylor(fields, noise)
    assert found[1].std(axis=-1) * H == pytest.approx(1.9, rel=0.15)
    assert found[2].std(axis=-1).max() * H**2 == pytest.approx(1.4, rel=0.15)
    third = found[3].std(axis=-1) * H**3
    assert third[0, 0, 0] == pytest.approx(12.6, rel=0.15)
    assert third[0, 1, 2] == pytest.approx(1.84, rel=0.15)


def test_the_figures_of_quality_see_a_fifth_order() -> None:
    rng = np.random.default_rng(5)
    fields = stencil(3, H)
    known = {k: symmetric(k, rng) for k in range(4)}
    good = fit_response(fields, forces_in(fields, known))
    spoilt = fit_response(fields, forces_in(fields, {**known, 5: 1e4 * symmetric(5, rng)}))
    assert good.residual < 1e-14 < 1e-9 < spoilt.residual
    for name, value in spoilt.differences.items():
        assert good.differences[name] < 1e-12 / H**3
        if name != "pgt":  # of an even order
            assert value > 100 * good.differences[name]


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("scale", [1e-9, 1e4])
def test_the_fit_does_not_depend_on_the_unit_of_fields(order: int, scale: float) -> None:
    fields = stencil(order, H)
    forces = np.random.default_rng(order).normal(size=(len(fields), 2, 3))
    one, other = fit_response(fields, forces), fit_response(scale * fields, forces)
    assert other.residual == pytest.approx(one.residual)
    assert set(one.differences) == set(other.differences)
    assert ("apt" in one.differences) == (order > 1)
    for name, power in {"apt": 1, "pgt": 2, "hgt": 3}.items():
        assert (name in one.tensors) == (name in other.tensors) == (power <= order)
        if name in one.tensors:
            unit = abs(one.tensors[name]).max()
            np.testing.assert_allclose(other.tensors[name] * scale**power, one.tensors[name], atol=1e-9 * unit)
        if name in one.differences:
            assert other.differences[name] * scale**power == pytest.approx(one.differences[name], rel=1e-6, abs=0)
