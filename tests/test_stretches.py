"""Items in stretches of a certain time, and errors that wait for the items before them."""

from collections.abc import Iterator

import pytest

from mimyria.parallel.stretches import MOST, SECONDS, Stretches


def test_stretches_last_as_long_as_they_shall() -> None:
    stretches = Stretches(range(100), MOST)
    assert stretches.next() == [0]
    stretches.took(SECONDS / 5.5, 1)
    assert stretches.next() == [1, 2, 3, 4, 5]
    stretches.took(1e-9, 5)
    assert len(stretches.next() or ()) == MOST
    stretches.took(1000.0, MOST)
    assert len(stretches.next() or ()) == 1
    rest = list(iter(stretches.next, None))
    assert sum(map(len, rest)) == 100 - 1 - 5 - MOST - 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_waits_for_the_items_before_it(error: type[BaseException]) -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise error

    stretches = Stretches(items(), 3)
    stretches.took(1e-9, 1)
    assert list(iter(stretches.next, None)) == [[0, 1, 2], [3, 4]]
    with pytest.raises(error):
        stretches.finish()
