"""Mutation testing of the modules whose formulas matter most: change one thing at a time, and see a test fail.

A mutant is a module with one operator, comparison, number, condition or argument changed. It lives in the memory of a
forked child alone, which runs the tests nearest to the module, the quickest first, until one fails; no file is touched.
Where only the code of functions differs, a child gets it after the tests were collected; else, as for a constant, the
tests are collected anew, with the mutant imported. Results are kept in a table, one row each, so that an interrupted
run resumes where it was:

    python scripts/mutation.py [--out mutation.csv] [--only units] [--sample 40 --seed 0] [--seconds 3600]
"""

import argparse
import ast
import csv
import gc
import hashlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import json
import math
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TypeVar

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = {
    "units": ("units",),
    "rates/correlation": ("correlation",),
    "rates/window": ("window",),
    "spectra/infrared": ("infrared", "dielectric", "terms", "directions"),
    "spectra/raman": ("raman", "hyper_raman"),
    "trajectory/differences": ("differences", "readers"),
    "labels/fields": ("taylor", "fields"),
    "files/layout": ("layout", "outcar", "write"),
}
"""Which pages of tests judge a module."""
TIMES_LONGER, SECONDS_LONGER = 4.0, 10.0
"""A mutant is killed as endless when its tests take so many times the processor time that those of the module as it is
take, and so much more; or ten times as long as that, if it waits."""
MEMORY = 8 * 2**30
"""Bytes of address space of one child."""
SWAPS: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
Node = TypeVar("Node", bound=ast.AST)


@dataclass(frozen=True)
class Mutant:
    """One change: where, what it does, and the code of the changed module."""

    module: str
    line: int
    change: str
    code: CodeType

    @property
    def name(self) -> str:
        """How the table calls it."""
        return f"{self.module}:{self.line} {self.change}"


def mutants_of(module: str) -> Iterator[Mutant]:
    """All mutants of a module, given as its path in the package without suffix."""
    path = ROOT / "mimyria" / f"{module}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    places = list(_places(tree))
    seen: Counter[str] = Counter()
    for number, place in enumerate(places):
        for before, after, fields in _options(place):
            other = deepcopy(tree)
            node = list(_places(other))[number]
            for name, value in fields.items():
                setattr(node, name, value)
            change = f"{before} → {after}"
            seen[f"{place.lineno} {change}"] += 1
            if (times := seen[f"{place.lineno} {change}"]) > 1:
                change += f" ({times})"
            code = compile(ast.fix_missing_locations(other), str(path), "exec")
            yield Mutant(module, place.lineno, change, code)


def _places(tree: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Expressions and statements that may be changed: not docstrings, nor annotations."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for node in value if isinstance(value, list) else [value]:
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if isinstance(node, ast.expr | ast.stmt) and not docstring:
                yield node
            if isinstance(node, ast.AST):
                yield from _places(node)


def _options(node: ast.AST) -> list[tuple[str, str, dict[str, object]]]:
    """What can be done to a place: it before and after, in words, and the fields of the node that change."""
    found: list[tuple[str, str, dict[str, object]]] = []
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in SWAPS:
        found.append(_words(node, op=SWAPS[type(node.op)]()))
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        found.append(_words(node, left=node.right, right=node.left))
    elif isinstance(node, ast.BoolOp):
        found.append(_words(node, op=SWAPS[type(node.op)]()))
    elif isinstance(node, ast.Compare):
        for k, operator in enumerate(node.ops):
            others = [*node.ops[:k], SWAPS[type(operator)](), *node.ops[k + 1 :]]
            found.append(_words(node, ops=others))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        found.append(_words(node, op=ast.UAdd()))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        found.append(_words(node, operand=ast.UnaryOp(ast.Not(), node.operand)))
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        found.append(_words(node, test=ast.UnaryOp(ast.Not(), node.test)))
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        found.append(_words(node, value=not node.value))
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        found.append(_words(node, value=node.value + 1))
    elif isinstance(node, ast.Call):
        for k in range(len(node.keywords)):
            found.append(_words(node, keywords=[*node.keywords[:k], *node.keywords[k + 1 :]]))
        if len(node.args) > 1:
            found.append(_words(node, args=node.args[:-1]))
    elif isinstance(node, ast.Return) and node.value is not None:
        found.append(_words(node, value=ast.Constant(None)))
    return found


def _words(node: Node, **fields: object) -> tuple[str, str, dict[str, object]]:
    changed = deepcopy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    short = [ast.unparse(ast.fix_missing_locations(one)).splitlines()[0] for one in (node, changed)]
    return short[0], short[1], fields


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads the changed code in place of the file's."""

    code: CodeType

    def get_code(self, fullname: str) -> CodeType:
        return self.code


class _Finder:
    """Stands before all other finders and knows one module."""

    def __init__(self, mutant: Mutant) -> None:
        self.name = "mimyria." + mutant.module.replace("/", ".")
        self.loader = _Loader(self.name, str(ROOT / "mimyria" / f"{mutant.module}.py"))
        self.loader.code = mutant.code

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Where the mutant is."""
        return importlib.util.spec_from_loader(name, self.loader) if name == self.name else None


class _Order:
    """Lets the quickest tests go first."""

    def __init__(self, durations: Mapping[str, float]) -> None:
        self.durations = durations

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort tests."""
        items.sort(key=lambda item: self.durations.get(item.nodeid, 0.0))


class _Judges:
    """Lets tests that are collected once judge many mutants, each in a child of its own."""

    def __init__(self, mutants: Sequence[Mutant], limit: float, tell: Callable[[Mutant, str, float], None]) -> None:
        self.mutants, self.limit, self.tell = mutants, limit, tell

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests on each mutant instead of once."""
        for mutant in self.mutants:
            self.tell(mutant, *in_child(partial(_run, session, mutant), self.limit))
        return True


class _Clock:
    """Measures how long each test takes."""

    def __init__(self) -> None:
        self.measured: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add set-up, call and tear-down."""
        self.measured[report.nodeid] += report.duration


def durations(pages: Sequence[str]) -> dict[str, float]:
    """Return how long each test of the pages takes, and the processor time of all, on the module as it is."""
    with tempfile.TemporaryDirectory() as folder:
        table, clock = Path(folder) / "durations.json", _Clock()
        verdict, seconds = in_child(lambda: _tests(pages, clock) or not table.write_text(json.dumps(clock.measured)))
        if verdict != "survived":
            raise SystemExit(f"the tests fail without any mutant: {', '.join(pages)}")
        return {**json.loads(table.read_text()), "": seconds}


def in_child(work: Callable[[], int], limit: float = float("inf")) -> tuple[str, float]:
    """Do work in a child; say whether a mutant survived it, which it does by status zero, and the processor time."""
    begin = time.monotonic()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setsid()  # what it starts ends with it
            if limit < float("inf"):
                resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit)))
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            status = int(work())
        finally:
            os._exit(status)
    while True:
        done, code, used = os.wait4(child, os.WNOHANG)
        if done:
            late = os.WIFSIGNALED(code) and os.WTERMSIG(code) in (signal.SIGXCPU, signal.SIGKILL)
            return "survived" if code == 0 else "endless" if late else "killed", used.ru_utime + used.ru_stime
        if time.monotonic() - begin > 10 * limit:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.01)


def _tests(pages: Sequence[str], *plugins: object, mutant: Mutant | None = None) -> int:
    """Run pages of tests on a mutant that is imported; return the status."""
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    if mutant is not None:
        sys.meta_path.insert(0, _Finder(mutant))
    arguments = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov"]
    arguments += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # of what is imported before
    return int(pytest.main([*arguments, *(str(ROOT / "tests" / f"test_{page}.py") for page in pages)], plugins))


def _run(session: pytest.Session, mutant: Mutant) -> int:
    """Run the tests of a session, with the code of a mutant in the functions of its module, until one fails."""
    codes = _codes(mutant.code)
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename == mutant.code.co_filename:
            thing.__code__ = codes[thing.__code__.co_qualname, thing.__code__.co_firstlineno]
    for item, following in pairwise([*session.items, None]):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return 1
    return 0


def _codes(code: CodeType) -> dict[tuple[str, int], CodeType]:
    """Return the code of a module, of its classes and functions, by qualified name and line."""
    found = {(code.co_qualname, code.co_firstlineno): code}
    for constant in code.co_consts:
        found |= _codes(constant) if isinstance(constant, CodeType) else {}
    return found


def _in_functions(mutant: Mutant) -> bool:
    """Return whether a mutant differs from its module in the code of functions alone."""
    path = ROOT / "mimyria" / f"{mutant.module}.py"
    before = _codes(compile(path.read_text(encoding="utf-8"), str(path), "exec"))
    after = _codes(mutant.code)
    return before.keys() == after.keys() and all(
        code.co_flags & inspect.CO_OPTIMIZED or _without_functions(code) == _without_functions(after[name])
        for name, code in before.items()
    )


def _without_functions(code: CodeType) -> tuple[object, ...]:
    constants = [repr(value) for value in code.co_consts if not isinstance(value, CodeType)]
    return code.co_code, code.co_names, constants


def main() -> None:
    """Judge every mutant drawn that the table does not hold yet; then tell the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("mutation.csv"), help="the table of results")
    parser.add_argument("--only", nargs="*", default=list(TESTS), help="modules, such as rates/window")
    parser.add_argument("--sample", type=int, help="how many mutants of each module, drawn at random; all without it")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    given = parser.parse_args()
    begin = time.monotonic()
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    for name in ("numpy", "scipy", "scipy.signal", "h5py", "ase.io", "hypothesis", "typer", "rich", "yaml"):
        importlib.import_module(name)
    sources = {module: _source(module) for module in TESTS}
    table = {row["mutant"]: row for row in _read(given.out) if row["source"] == sources[row["mutant"].split(":")[0]]}
    names = {mutant.name for module in given.only for mutant in _drawn(module, given.sample, given.seed)}

    def tell(mutant: Mutant, verdict: str, seconds: float) -> None:
        row = {"mutant": mutant.name, "source": sources[mutant.module], "verdict": verdict}
        table[mutant.name] = row | {"seconds": f"{seconds:.1f}"}
        _write(given.out, list(table.values()))
        if time.monotonic() - begin > given.seconds:
            raise KeyboardInterrupt  # which pytest takes for the end, too

    for module in given.only:
        left = [mutant for mutant in _drawn(module, given.sample, given.seed) if mutant.name not in table]
        if not left:
            continue
        known = durations(TESTS[module])
        limit, order = TIMES_LONGER * known[""] + SECONDS_LONGER, _Order(known)
        quick = [mutant for mutant in left if _in_functions(mutant)]
        in_child(partial(_tests, TESTS[module], order, _Judges(quick, limit, tell)))
        table = {row["mutant"]: row for row in _read(given.out)} | table
        for mutant in left:
            if mutant not in quick:
                tell(mutant, *in_child(partial(_tests, TESTS[module], order, mutant=mutant), limit))
    _tell([row for row in table.values() if row["mutant"] in names], len(names))


def _drawn(module: str, sample: int | None, seed: int) -> list[Mutant]:
    """Return mutants of a module in an order drawn at random, the first so many of them."""
    mutants = list(mutants_of(module))
    random.Random(f"{seed} {module}").shuffle(mutants)
    return mutants[:sample]


def _source(module: str) -> str:
    """Return what tells a module from its other versions, whose mutants lie on other lines."""
    return hashlib.sha256((ROOT / "mimyria" / f"{module}.py").read_bytes()).hexdigest()[:12]


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.with_suffix(".part").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["mutant", "source", "verdict", "seconds"])
        writer.writeheader()
        writer.writerows(rows)
    path.with_suffix(".part").replace(path)


def _tell(rows: list[dict[str, str]], expected: int) -> None:
    modules = sorted({row["mutant"].split(":")[0] for row in rows})
    for module in [*modules, ""]:
        inside = [row for row in rows if row["mutant"].startswith(module)]
        killed = sum(row["verdict"] != "survived" for row in inside)
        print(f"| {module or 'all'} | {len(inside)} | {killed} | {100 * killed / max(1, len(inside)):.1f} % |")
    print(f"{len(rows)} of {expected} mutants judged; survivors:")
    for row in sorted(rows, key=lambda row: row["mutant"]):
        if row["verdict"] == "survived":
            print(f"  {row['mutant']}")


if __name__ == "__main__":
    main()
