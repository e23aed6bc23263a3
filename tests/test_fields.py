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


def test_thirteen_runs_give_both_tensors() -> None:
    fields = stencil(2, 2e-3)
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
    forces = forces_in(fields) + rng.normal(size=(13, ATOMS, 3)) * 1e-7
    force = {tuple(np.round(field / h, 3)): value for field, value in zip(fields, forces, strict=True)}
    r = round(1 / np.sqrt(2), 3)
    xx, yy = (force[a] + force[b] - 2 * force[0, 0, 0] for a, b in (((1, 0, 0), (-1, 0, 0)), ((0, 1, 0), (0, -1, 0))))
    xy = force[r, r, 0] + force[-r, -r, 0] - 2 * force[0, 0, 0] - (xx + yy) / 2
    pgt = fit_response(fields, forces).tensors["pgt"] * BOHR
    np.testing.assert_allclose(pgt[:, 0, 1], xy / h**2, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(pgt[:, 0, 0], xx / h**2, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("with_zero", [True, False])
def test_six_or_seven_runs_give_the_apt_alone(with_zero: bool) -> None:
    fields = stencil(1, 1e-3)[0 if with_zero else 1 :]
    fit = fit_response(fields, forces_in(fields))
    assert set(fit.tensors) == {"apt"}
    np.testing.assert_allclose(fit.tensors["apt"], known_response()[1], atol=1e-9)
    assert np.isnan(fit.forces).all() != with_zero
    assert not fit.differences  # there are axis runs alone


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
    noise = 1e-6 * np.random.default_rng(4).normal(size=(13, ATOMS, 3))
    assert 0.5e-6 < fit_response(fields, forces_in(fields) + noise).residual < 2e-6
    # a cubic force makes axis and diagonal fields disagree about P
    assert fit_response(fields, forces_in(fields, cubic=100.0)).differences["apt"] > 1e-5


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
        (stencil(1, 1e-3), np.full((7, 2, 3), np.nan), "run 0: the force on atom 0 is not a finite number"),
    ],
)
def test_bad_runs_are_refused(fields: np.ndarray, forces: np.ndarray, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        fit_response(fields, forces)


def test_the_run_and_the_atom_without_a_force_are_named() -> None:
    forces = np.zeros((7, 4, 3))
    forces[3, 1, 2], forces[5, 2] = np.inf, np.nan
    with pytest.raises(LabelError, match="run 3: the force on atom 1 is not a finite number"):
        fit_response(stencil(1, 1e-3), forces)


@pytest.mark.parametrize(("order", "field"), [(4, 1e-3), (0, 1e-3), (2, 0.0), (2, -1e-3), (1, np.nan)])
def test_bad_stencils_are_refused(order: int, field: float) -> None:
    with pytest.raises(LabelError):
        stencil(order, field)
