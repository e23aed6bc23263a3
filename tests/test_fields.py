"""Properties of the Taylor fit: a known force comes back, whatever fields determine it."""

import numpy as np
import pytest

from mimyria.errors import LabelError
from mimyria.labels.fields import fit_response, stencil
from mimyria.units import BOHR

ATOMS = 5


def known_response(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """F0 (n, 3), P (n, 3, 3) and Q (n, 3, 3, 3) in atomic units; Q symmetric in its field indices."""
    rng = np.random.default_rng(seed)
    second = rng.normal(size=(ATOMS, 3, 3, 3)) * 20
    return rng.normal(size=(ATOMS, 3)), rng.normal(size=(ATOMS, 3, 3)), second + second.transpose(0, 2, 1, 3)


def forces_in(fields: np.ndarray, cubic: float = 0.0) -> np.ndarray:
    zero, first, second = known_response()
    forces = zero + np.einsum("naz,ka->knz", first, fields) + 0.5 * np.einsum("nabz,ka,kb->knz", second, fields, fields)
    return forces + cubic * (fields**3).sum(axis=1)[:, None, None]


def test_fourteen_runs_give_both_tensors() -> None:
    fields = stencil(2, 2e-3)
    assert len(fields) == 14
    fit = fit_response(fields, forces_in(fields))
    zero, first, second = known_response()
    np.testing.assert_allclose(fit.forces, zero, atol=1e-12)
    np.testing.assert_allclose(fit.tensors["apt"], first, atol=1e-9)
    np.testing.assert_allclose(fit.tensors["pgt"], second / BOHR, atol=1e-6)
    assert fit.residual < 1e-12
    assert fit.differences["apt"] < 1e-9


def test_fit_equals_central_differences_on_the_published_stencil() -> None:
    h = 1e-3
    fields = stencil(2, h)
    rng = np.random.default_rng(1)
    forces = forces_in(fields) + rng.normal(size=(14, ATOMS, 3)) * 1e-7
    force = {tuple(np.round(field / h, 3)): value for field, value in zip(fields, forces, strict=True)}
    force[0, 0, 0] = forces[0]  # it comes twice; the second tells the noise
    r = round(1 / np.sqrt(2), 3)
    xx, yy = (force[a] + force[b] - 2 * force[0, 0, 0] for a, b in (((1, 0, 0), (-1, 0, 0)), ((0, 1, 0), (0, -1, 0))))
    xy = force[r, r, 0] + force[-r, -r, 0] - 2 * force[0, 0, 0] - (xx + yy) / 2
    pgt = fit_response(fields, forces).tensors["pgt"] * BOHR
    np.testing.assert_allclose(pgt[:, 0, 1], xy / h**2, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(pgt[:, 0, 0], xx / h**2, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("with_zero", [True, False])
def test_six_or_seven_runs_give_the_apt_alone(with_zero: bool) -> None:
    fields = stencil(1, 1e-3)[0 if with_zero else 1 : 7]
    fit = fit_response(fields, forces_in(fields))
    assert set(fit.tensors) == {"apt"}
    np.testing.assert_allclose(fit.tensors["apt"], known_response()[1], atol=1e-9)
    assert np.isnan(fit.forces).all() != with_zero
    assert not fit.differences  # there are axis runs alone
    assert not fit.sigmas


def test_any_fields_that_determine_the_tensors_will_do() -> None:
    fields = np.random.default_rng(2).normal(size=(17, 3)) * 1e-3
    fit = fit_response(fields, forces_in(fields))
    np.testing.assert_allclose(fit.tensors["pgt"], known_response()[2] / BOHR, rtol=1e-5, atol=1e-4)


def test_rotating_fields_and_forces_rotates_the_tensors() -> None:
    rotation, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    fields = stencil(2, 1e-3)
    turned = fit_response(fields @ rotation.T, forces_in(fields) @ rotation.T).tensors
    straight = fit_response(fields, forces_in(fields)).tensors
    np.testing.assert_allclose(
        turned["apt"], np.einsum("ai,bj,nij->nab", rotation, rotation, straight["apt"]), atol=1e-8
    )
    expected = np.einsum("ai,bj,ck,nijk->nabc", rotation, rotation, rotation, straight["pgt"])
    np.testing.assert_allclose(turned["pgt"], expected, atol=1e-5)


def test_quality_figures_see_noise_and_truncation() -> None:
    fields = stencil(2, 2e-3)
    noise = 1e-6 * np.random.default_rng(4).normal(size=(14, ATOMS, 3))
    assert 0.5e-6 < fit_response(fields, forces_in(fields) + noise).residual < 2e-6
    # a cubic force makes axis and diagonal fields disagree about P
    assert fit_response(fields, forces_in(fields, cubic=100.0)).differences["apt"] > 1e-5


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_stated_error_is_the_true_one(order: int) -> None:
    """Noise of known size on known forces, many draws: mean squares of what is stated and of what is true agree."""
    sigma, draws, fields = 1e-6, 300, stencil(order, 2e-3)
    rng = np.random.default_rng(order)
    pure, known = forces_in(fields), dict(zip(("apt", "pgt"), known_response()[1:], strict=True))
    known = {"apt": known["apt"], "pgt": known["pgt"] / BOHR, "hgt": np.zeros((ATOMS, 3, 3, 3, 3))}
    stated: dict[str, list[float]] = {}
    true: dict[str, list[float]] = {}
    residuals = []
    for _ in range(draws):
        fit = fit_response(fields, pure + sigma * rng.normal(size=pure.shape))
        residuals.append(fit.residual**2)
        for name, tensor in fit.tensors.items():
            stated.setdefault(name, []).append(fit.sigmas[name] ** 2)
            true.setdefault(name, []).append(((tensor - known[name]) ** 2).mean())
    assert set(stated) == set(list(known)[:order])
    assert np.mean(residuals) == pytest.approx(sigma**2, rel=0.05)
    for name in stated:
        assert np.mean(stated[name]) / np.mean(true[name]) == pytest.approx(1, rel=0.05)


def test_what_odd_orders_leave_out_is_no_noise_of_the_even_ones() -> None:
    """A cubic force of 1e-6 at most in a noise of 1e-9: it is in the residual, and in the error of the APT alone."""
    fields = stencil(2, 2e-3)
    noise = 1e-9 * np.random.default_rng(0).normal(size=(14, ATOMS, 3))
    quiet, cubic = (fit_response(fields, forces_in(fields, cubic=c) + noise) for c in (0.0, 125.0))
    assert cubic.residual > 100 * quiet.residual
    assert cubic.sigmas["apt"] > 100 * quiet.sigmas["apt"]
    assert cubic.sigmas["pgt"] == pytest.approx(quiet.sigmas["pgt"], rel=1e-5)
    assert cubic.sigmas["apt"] > 0.1 * abs(cubic.tensors["apt"] - known_response()[1]).max()  # it is an error of it


def test_a_repeat_of_the_same_digits_tells_nothing() -> None:
    """A program without noise, or one that started from the same: then the other parity is what there is."""
    fields = stencil(2, 2e-3)
    forces = forces_in(fields) + 1e-6 * np.random.default_rng(0).normal(size=(14, ATOMS, 3))
    forces[-1] = forces[0]
    one, other = fit_response(fields, forces), fit_response(fields[:-1], forces[:-1])
    assert one.sigmas == other.sigmas
    assert one.residual == other.residual
    np.testing.assert_array_equal(one.tensors["pgt"], other.tensors["pgt"])
    assert one.sigmas["pgt"] > 0


def test_errors_turn_with_the_fields_and_do_not_need_pairs_of_them() -> None:
    fields, rng = stencil(2, 2e-3), np.random.default_rng(0)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    forces = forces_in(fields) + 1e-6 * rng.normal(size=(14, ATOMS, 3))
    straight, turned = fit_response(fields, forces).sigmas, fit_response(fields @ rotation.T, forces).sigmas
    assert turned == pytest.approx(straight, rel=0.3)  # fields along the axes know some elements better
    loose = rng.normal(size=(17, 3)) * 1e-3
    assert set(fit_response(loose, forces_in(loose)).sigmas) == {"apt", "pgt"}


def test_sum_rule_is_measured_against_the_charge() -> None:
    fields = stencil(2, 1e-3)
    first, second = known_response()[1], known_response()[2]
    fit = fit_response(fields, forces_in(fields), charge=-2.0)
    assert fit.translation["apt"] == pytest.approx(abs(first.sum(0) + 2 * np.eye(3)).max())
    assert fit.translation["pgt"] == pytest.approx(abs(second.sum(0) / BOHR).max())


@pytest.mark.parametrize(
    ("fields", "forces", "message"),
    [
        (stencil(1, 1e-3)[:5], np.zeros((5, 2, 3)), "5 runs do not determine the APT"),
        (stencil(1, 1e-3), np.zeros((6, 2, 3)), r"should be \(runs, 3\) and \(runs, atoms, 3\)"),
        (stencil(1, 1e-3), np.full((8, 2, 3), np.nan), "run 0: the force on atom 0 is not a finite number"),
    ],
)
def test_bad_runs_are_refused(fields: np.ndarray, forces: np.ndarray, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        fit_response(fields, forces)


def test_the_run_and_the_atom_without_a_force_are_named() -> None:
    forces = np.zeros((8, 4, 3))
    forces[3, 1, 2], forces[5, 2] = np.inf, np.nan
    with pytest.raises(LabelError, match="run 3: the force on atom 1 is not a finite number"):
        fit_response(stencil(1, 1e-3), forces)


@pytest.mark.parametrize(("order", "field"), [(4, 1e-3), (0, 1e-3), (2, 0.0), (2, -1e-3), (1, np.nan)])
def test_bad_stencils_are_refused(order: int, field: float) -> None:
    with pytest.raises(LabelError):
        stencil(order, field)
