"""Work in several processes: the results of one, in order; what is killed, stopped and wrong; and who calls."""

import logging
import os
import sys
from collections.abc import Iterator
from functools import partial

import pytest

from mimyria.errors import SpectrumError
from mimyria.parallel import pool as pools
from mimyria.parallel.pool import Pool
from working import Strange, but_for_seven, gone, made, processes_at_once, slowly, squares, strangely

ITEMS = range(50)
EXPECTED = [item**2 for item in ITEMS]


@pytest.fixture
def at_once() -> Iterator[None]:
    with processes_at_once():
        yield


@pytest.mark.parametrize(("number", "most"), [(1, 5), (2, 1), (3, 5)])
def test_processes_compute_what_one_does(at_once: None, number: int, most: int) -> None:
    results, pids = zip(*made(slowly, number, most=most), strict=True)
    assert list(results) == EXPECTED
    assert len(set(pids)) == number
    assert (os.getpid() in pids) == (number == 1)
    assert gone([*{*pids} - {os.getpid()}])


def test_short_work_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "Nursery", None)
    assert {pid for _, pid in made(squares, 4)} == {os.getpid()}


def test_processes_take_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads begin, and go on while the processes start."""
    monkeypatch.setattr(pools, "SECONDS_ALONE", 0.05)
    results, pids = zip(*made(slowly, 2, range(400)), strict=True)
    assert list(results) == [item**2 for item in range(400)]
    assert pids[0] == os.getpid() != pids[-1]
    assert os.getpid() not in pids[pids.index(pids[-1]) :]


def test_processes_can_be_started_before_there_is_work() -> None:
    with Pool(2) as pool:
        pool.start(squares)
        assert os.getpid() not in {pid for stretch in pool.in_order(slowly, ITEMS) for _, pid in stretch}
    with Pool(1) as pool:
        pool.start(squares)
        assert next(pool.in_order(squares, ITEMS)) == [(0, os.getpid())]


def test_fewer_items_than_processes(at_once: None) -> None:
    assert [square for square, _ in made(squares, 3, range(2))] == [0, 1]
    assert made(squares, 2, ()) == []


def test_several_tasks_of_one_pool(at_once: None) -> None:
    with Pool(2) as pool:
        for stretch in pool.in_order(slowly, range(100), 1):  # left in the middle
            assert stretch[0][0] == 0
            break
        results, pids = zip(*(each for many in pool.in_order(slowly, ITEMS) for each in many), strict=True)
        assert list(results) == EXPECTED
        assert {pid for many in pool.in_order(squares, ITEMS) for _, pid in many} <= {*pids}
        assert next(pool.in_order(lambda items: items, range(9))) == [0]  # which no other process can be told


@pytest.mark.parametrize("number", [1, 2])
def test_an_error_comes_after_what_was_before_it(at_once: None, number: int) -> None:
    seen: list[tuple[int, int]] = []
    with pytest.raises(SpectrumError, match=r"^frame 7 is not a number$"):
        made(but_for_seven, number, most=1, into=seen)
    assert [square for square, _ in seen] == EXPECTED[:7]


def test_any_error_arrives(at_once: None) -> None:
    with pytest.raises(Strange, match="1 and 2"):
        made(strangely, 1)
    with pytest.raises(RuntimeError, match="Strange: 1 and 2"):
        made(strangely, 2)


@pytest.mark.parametrize("number", [1, 2])
def test_what_is_read_before_a_damaged_item_is_computed(at_once: None, number: int) -> None:
    def items() -> Iterator[int]:
        yield from range(23)
        raise SpectrumError("cut")

    seen: list[tuple[int, int]] = []
    with pytest.raises(SpectrumError, match="cut"):
        made(slowly, number, items(), most=5, into=seen)
    assert [square for square, _ in seen] == EXPECTED[:23]


def test_threads_go_on_where_no_process_can_be_started(
    at_once: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "path", ["nowhere"])
    with caplog.at_level(logging.WARNING, "mimyria"):
        assert {pid for _, pid in made(squares, 2)} == {os.getpid()}
    assert "no processes could be started, threads go on: ModuleNotFoundError: No module named 'mimyria'" in caplog.text


def test_a_number_of_workers_is_that_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "cores_here", partial(int, "7"))
    assert Pool().workers == 7
    assert Pool(2).workers == 2
