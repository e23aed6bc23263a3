"""Operations of crystals whose groups are known, and tensors that they carry from atom to atom."""

import numpy as np
import pytest

from mimyria.formats.symmetry import expand, independent_atoms, operations
from mimyria.frame import Array, Frame


def crystal(cell: object, scaled: object, numbers: list[int]) -> Frame:
    rows = np.array(cell, dtype=float)
    return Frame(np.array(numbers), np.array(scaled, dtype=float) @ rows, rows, np.ones(3, dtype=bool))


def quartz() -> tuple[Frame, Array]:
    """Return low quartz (P3_221, group 154) and asymmetric tensors with its symmetry, made by its own generators."""
    cell = np.array([[4.916, 0, 0], [-2.458, 4.916 * 0.75**0.5, 0], [0, 0, 5.405]])
    turn, step = np.array([[0, -1, 0], [1, -1, 0], [0, 0, 1]]), np.array([0, 0, 2 / 3])  # x' = -y, x-y, z+2/3
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1]])  # x' = y, x, -z
    silicon, oxygen = np.array([0.4697, 0, 2 / 3]), np.array([0.4135, 0.2669, 0.1191])
    to_cartesian = [cell.T @ w @ np.linalg.inv(cell.T) for w in (turn, swap)]
    random = np.random.default_rng(1)
    positions, tensors, numbers = [], [], []
    for number, seed in ((14, silicon), (8, oxygen)):
        start = random.normal(size=(3, 3))
        found: list[tuple[Array, list[Array]]] = []
        waiting = [(seed, start)]
        while waiting:
            place, tensor = waiting.pop()
            place = place % 1 % 1
            known = next((each for each in found if np.abs((each[0] - place + 0.5) % 1 - 0.5).max() < 1e-6), None)
            if known is not None and any(np.allclose(tensor, other) for other in known[1]):
                continue
            if known is None:
                found.append((place, [tensor]))
            else:
                known[1].append(tensor)
            waiting.append((turn @ place + step, to_cartesian[0] @ tensor @ to_cartesian[0].T))
            waiting.append((swap @ place, to_cartesian[1] @ tensor @ to_cartesian[1].T))
        for place, several in found:  # of an atom on an axis, the mean over what leaves it in its place
            positions.append(place)
            tensors.append(np.mean(several, axis=0))
            numbers.append(number)
    return crystal(cell, positions, numbers), np.array(tensors)


@pytest.mark.parametrize(
    ("frame", "order", "independent"),
    [
        (crystal(5.4 / 2 * (np.ones((3, 3)) - np.eye(3)), [[0, 0, 0], [0.25, 0.25, 0.25]], [31, 33]), 24, 2),
        (crystal(5.4 / 2 * (np.ones((3, 3)) - np.eye(3)), [[0, 0, 0], [0.25, 0.25, 0.25]], [14, 14]), 48, 1),
        (crystal(4 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [55, 17]), 48, 2),
        (crystal(4 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [26, 26]), 96, 1),  # twice, as it is not primitive
        (crystal([[4, 0, 0], [8, 4, 0], [4, 0, 4]], [[0, 0, 0]], [84]), 48, 1),  # a cube in skewed vectors
        (crystal([[4, 0.1, 0], [0.3, 5, 0.2], [0.4, 0.1, 6]], [[0, 0, 0], [0.2, 0.3, 0.4]], [11, 17]), 1, 2),
        (quartz()[0], 6, 2),
    ],
)
def test_the_number_of_operations_is_that_of_the_group(frame: Frame, order: int, independent: int) -> None:
    found = operations(frame)
    assert len(found) == order
    assert len(independent_atoms(found)) == independent
    for rotation, image in found:
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-3)
        assert sorted(image) == list(range(len(frame)))


def test_tensors_of_independent_atoms_give_those_of_all() -> None:
    frame, tensors = quartz()
    assert frame.numbers.tolist() == [14] * 3 + [8] * 6
    assert abs(tensors[3] - tensors[3].T).max() > 0.3
    expanded, differ = expand(tensors[[0, 3]], frame, operations(frame))
    np.testing.assert_allclose(expanded, tensors, atol=1e-6)
    assert differ < 1e-6
    _, differ = expand(tensors[[3, 0]], frame, operations(frame))
    assert differ > 0.1
