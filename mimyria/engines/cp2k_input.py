"""CP2K inputs: the user's own FORCE_EVAL as a tree, what finite fields require of it, and the input of one run.

The tree is that of cp2k-input-tools: a section is a dict under ``+name``, a repeated section a list of dicts, the
parameter of a section stands under ``_``; preprocessor variables and includes are resolved.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.contents import misplaced
from mimyria.elements import symbols_of
from mimyria.engines.engine import Configuration
from mimyria.errors import LabelError
from mimyria.frame import Array
from mimyria.level import Level
from mimyria.memory import digest
from mimyria.targets import PGT, TARGETS

log = logging.getLogger("mimyria")

Tree = dict[str, Any]

NAME = "mimyria"
"""PROJECT_NAME, with which the names of CP2K's files begin."""
FORCES, MOMENTS = "forces.dat", "moments.dat"
DEFAULT_EPS_SCF = 1e-5
WARNING_ERROR, REFUSED_ERROR = 0.5, 10.0
"""%, of the tensor of the highest order, because of SCF noise."""


def read_template(path: Path, schema: Path | None = None) -> Tree:
    """Return the FORCE_EVAL of a CP2K input, or of a file with nothing else, and its GLOBAL section if there is one.

    Parameters
    ----------
    path
        Files that it includes are looked for beside it.
    schema
        What ``cp2k --xml`` writes, for keywords newer than those that cp2k-input-tools knows.

    Raises
    ------
    LabelError
        With the line that CP2K would not understand; or if there is not exactly one FORCE_EVAL.
    """
    from cp2k_input_tools.parser_errors import ParserError
    from cp2k_input_tools.tokenizer import TokenizerError

    try:
        with path.open(encoding="utf-8") as stream:
            parser, folders = _parser(schema)
            folders[:] = [path.parent]
            tree = parser.parse(stream)
    except OSError as error:
        raise LabelError(f"{error.filename or path} cannot be read: {error.strerror}") from error
    except (ParserError, TokenizerError, ValueError, IndexError, AttributeError) as error:
        if other := misplaced(path, "an input of CP2K"):
            raise LabelError(other) from error
        if isinstance(error, UnicodeDecodeError | AttributeError):  # where the parser meets what no input has
            raise LabelError(f"{path} is not an input of CP2K") from error
        unknown = any(word in str(error).lower() for word in ("invalid keyword", "invalid section", "unknown"))
        hint = "; keywords newer than CP2K 2024.1 need `--set schema=cp2k_input.xml`, written by `cp2k.psmp --xml`"
        raise LabelError(f"{path}{_place(error)}{hint if unknown else ''}") from error
    evaluations = tree.get("+force_eval", [])
    if len(evaluations) != 1:
        raise LabelError(f"{path} holds {len(evaluations)} &FORCE_EVAL sections, not one")

    def located(keyword: str, value: Any) -> Any:  # CP2K runs elsewhere; files not beside the template are in its data
        is_file = isinstance(value, str) and keyword.endswith(("file_name", "t_c_g_data"))
        return str((path.parent / value).resolve()) if is_file and (path.parent / value).is_file() else value

    return {"+global": tree.get("+global", {}), "+force_eval": [_changed(evaluations[0], located)]}


def _changed(value: Any, change: Callable[[str, Any], Any], keyword: str = "") -> Any:
    """Return a copy of a tree in which ``change(keyword, value)`` stands for each single value."""
    if isinstance(value, dict):
        return {name: _changed(part, change, name) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_changed(part, change, keyword) for part in value)
    return change(keyword, value)


@cache  # reading the description of all keywords takes a second
def _parser(schema: Path | None) -> tuple[Any, list[Path]]:
    """Return a parser, and the list of folders in which it looks for includes."""
    from cp2k_input_tools.parser import CP2KInputParser

    folders: list[Path] = []
    return CP2KInputParser(xmlspec=str(schema) if schema else None, base_dir=folders), folders


def _place(error: Exception) -> str:
    """Return line and reason of a parser's error."""
    context = next((part for part in error.args if hasattr(part, "line")), None)
    line, text = getattr(context, "linenr", None), str(getattr(context, "line", None) or "").strip()
    reason = str(error.args[0] if error.args else error).replace(": {section_param}", "").replace("{section_param}", "")
    return (f", line {line}" if line else "") + f": {reason}" + (f" (`{text}`)" if text else "")


def with_contents(tree: Tree) -> Tree:
    """Return a tree in which name and digest stand for the path of every file that lies beside the template."""

    def digested(_: str, value: Any) -> Any:
        is_file = isinstance(value, str) and value.startswith("/") and Path(value).is_file()
        return f"{Path(value).name} {digest(Path(value))[:12]}" if is_file else value

    return dict(_changed(tree, digested))


def flat(tree: Any, path: str = "") -> dict[str, Any]:
    """Return the keywords of a tree by their path, such as ``dft/scf/eps_scf``."""
    if isinstance(tree, list) and any(isinstance(part, dict) for part in tree):
        tree = {str(part.get("_", k)): part for k, part in enumerate(tree)}
    if isinstance(tree, dict):
        return {key: value for name, part in tree.items() for key, value in flat(part, f"{path}/{name}").items()}
    return {path.replace("+", "").strip("/").removeprefix("force_eval/0/"): tree}


def describe(tree: Tree, kinds: Collection[str] = ()) -> str:
    """Return functional, basis sets, grid and thresholds of a template in a few words."""
    dft, level = tree["+force_eval"][0].get("+dft", {}), level_of_template(tree, kinds)
    parts = [level.functional, level.basis, level.cutoff, level.xc_grid and f"XC_GRID {level.xc_grid}"]
    thresholds = {
        "EPS_DEFAULT": dft.get("+qs", {}).get("eps_default", 1e-10),
        "EPS_SCF": dft.get("+scf", {}).get("eps_scf", DEFAULT_EPS_SCF),
    }
    parts += [f"{name} {value:g}".replace("e-0", "e-") for name, value in thresholds.items()]
    return " ".join(filter(None, parts))


def elements_of_kinds(tree: Tree) -> dict[str, str]:
    """Return the element of each &KIND of a template that says one."""
    kinds = tree["+force_eval"][0].get("+subsys", {}).get("+kind", [])
    return {str(kind["_"]): str(kind["element"]).capitalize() for kind in kinds if "_" in kind and "element" in kind}


def check_kinds(tree: Tree, path: Path, kinds: Collection[str]) -> None:
    """Raise LabelError if a template has none of these kinds, does not say of which element it is, or has others.

    No atom would be of the others; what they are for, more functions on an ion say, would be missing without a word.
    """
    elements = elements_of_kinds(tree)
    for name, element in elements.items():
        if not has_atoms(name, element, kinds):
            raise LabelError(
                f'{path}: no atom is of &KIND {name}: say which {element} are, such as `--set "kinds={name}=(byres '
                f'element S) and element {element}"`, or take the section out'
            )
    for name in kinds:
        if name not in elements:
            raise LabelError(
                f"{path} has no &KIND {name}, of --set kinds: it needs one, with ELEMENT, BASIS_SET and POTENTIAL"
            )


def has_atoms(name: str, element: str, kinds: Collection[str]) -> bool:
    """Return whether a &KIND can have atoms: that of an element, or one of ``kinds``, which selections give them."""
    return name in kinds or name.upper() == element.upper()


def level_of_template(tree: Tree, kinds: Collection[str] = ()) -> Level:
    """Return the level of theory of a template; CP2K's own defaults stand for what it does not say.

    Of &KINDs that are no elements only those in ``kinds`` have atoms.
    """
    evaluation = tree["+force_eval"][0]
    dft = evaluation.get("+dft", {})
    named = {str(kind.get("_")): kind for kind in evaluation.get("+subsys", {}).get("+kind", [])}
    elements = elements_of_kinds(tree)
    used = {name: kind for name, kind in named.items() if has_atoms(name, elements.get(name, name), kinds)}
    exchange = dft.get("+xc", {})
    functional = exchange.get("+xc_functional", {})
    shortcut = [str(functional["_"]).upper()] if functional.get("_") else []
    names = shortcut + [
        str(part.get("parametrization", name.strip("+"))).upper() for name, part in functional.items() if name != "_"
    ]
    names += [f"{float(part.get('fraction', 1.0)):g} HF" for part in exchange.get("+hf", [])]
    basis = {name.capitalize(): basis for name, kind in used.items() if (basis := _orbital_basis(kind))}
    grid, smoothing = dft.get("+mgrid", {}), exchange.get("+xc_grid", {})
    method = str(dft.get("+qs", {}).get("method", "gpw")).upper()
    return Level(
        program="CP2K",
        functional="+".join(names) if method in ("GPW", "GAPW") else method,
        basis=one.pop() if len(one := set(basis.values())) == 1 else ", ".join(map(" ".join, sorted(basis.items()))),
        cutoff=f"{grid.get('cutoff', 280):g}/{grid.get('rel_cutoff', 40):g} Ry",
        xc_grid="/".join(str(smoothing[name]).upper() for name in ("xc_smooth_rho", "xc_deriv") if name in smoothing),
    )


def _orbital_basis(kind: Tree) -> str:
    """Return the name of the basis of the orbitals, which may be one of several: ``BASIS_SET [ORB] NAME``."""
    stated = [("ORB", name) if isinstance(name, str) else name for name in kind.get("basis_set", [])]
    return next((str(name) for sort, name in stated if str(sort).upper() == "ORB"), "")


def scf_noise(eps_scf: float, field: float, order: int = 2) -> float:
    """Return the approximate error of a tensor, in %, because of an SCF that ends at ``eps_scf`` in such fields.

    A fit to labels of 32 waters (``benchmarks/labels.py``; field h 1e-3 to 4e-3, EPS_SCF 1e-8 to 1e-6): the noise of
    the forces is proportional to EPS_SCF^1.15, and that of second differences to 1/h². The APT, of first differences,
    is a thousand times less noisy. For the HGT it is an estimate: the noise of a force is multiplied by 5.6/h³ instead
    of 2.0/h² (root mean square over the elements), and in water ∂β/∂R is about 4 times ∂α/∂R in atomic units.
    """
    if order < PGT.order:
        return 0.0
    return 4.3e-5 * (eps_scf / 1e-6) ** 1.15 / field**2 * (0.7 / field) ** (order - PGT.order)


def check_template(tree: Tree, path: Path, field: float, order: int = 2) -> None:
    """Raise LabelError if a template spoils labels of this order, field in E_h/(e a0); log a warning if it may."""
    evaluation = tree["+force_eval"][0]
    dft, scf = evaluation.get("+dft", {}), evaluation.get("+dft", {}).get("+scf", {})
    method = str(evaluation.get("method", "quickstep")).lower()
    if method not in ("qs", "quickstep"):
        raise LabelError(
            f"{path}: METHOD {method.upper()} has no electrons that respond to a field; use METHOD Quickstep"
        )
    if "+smear" in scf and scf["+smear"].get("_", True):
        raise LabelError(f"{path}: &SMEAR is for metals, whose polarization in a cell is undefined; remove the section")
    for name in ("+efield", "+periodic_efield"):
        if name in dft:
            log.warning(f"{path}: the &{name[1:].upper()} section is replaced by the fields of each run")
    eps_scf = float(scf.get("eps_scf", DEFAULT_EPS_SCF))
    error = scf_noise(eps_scf, field, order)
    target = next(one for one in TARGETS.values() if one.order == order)
    advice = (
        f"{path}: EPS_SCF {eps_scf:g} with a field of {field:g} makes the {target.name.upper()} about {error:.2g} % "
        f"wrong; EPS_SCF 1e-8 and --field {target.field:g} cost little more and suffice"
    )
    if error > REFUSED_ERROR:
        raise LabelError(advice)
    if error > WARNING_ERROR:
        log.warning(advice)
    if "+ot" not in scf or not scf["+ot"].get("_", True):
        raise LabelError(f"{path}: CP2K's periodic field works only with orbital transformation: &SCF needs &OT")
    if "+outer_scf" not in scf:
        log.warning(f"{path}: without &OUTER_SCF configurations that need more than MAX_SCF steps will fail")
    if "+outer_scf" in scf and float(scf["+outer_scf"].get("eps_scf", DEFAULT_EPS_SCF)) > eps_scf:
        log.warning(f"{path}: EPS_SCF of &OUTER_SCF is looser than that of &SCF, and ends the SCF: make them equal")
    if float(dft.get("+qs", {}).get("eps_default", 1e-10)) > 1e-10:
        log.warning(f"{path}: EPS_DEFAULT above 1e-10 leaves noise in the forces; 1e-10 is enough")
    if not {"xc_smooth_rho", "xc_deriv"} <= set(dft.get("+xc", {}).get("+xc_grid", {})):
        log.warning(
            f"{path}: without smoothing, the grid of a gradient-corrected functional violates the sum rules (by up "
            "to 0.04 e and 7 PGT units for 32 waters at 280 Ry); &XC_GRID / XC_SMOOTH_RHO NN50 / XC_DERIV NN50_SMOOTH "
            "prevents it at no cost"
        )


def check_configuration(tree: Tree, path: Path, configuration: Configuration) -> None:
    """Raise LabelError, with the remedy, if a template does not suit a configuration."""
    frame, charge = configuration.frame, configuration.charge
    evaluation = tree["+force_eval"][0]
    dft = evaluation.get("+dft", {})
    if not frame.periodic.all() or frame.volume == 0:
        raise LabelError("CP2K labels cells that are periodic in three directions: use --engine pyscf, or give --cell")
    if int(dft.get("charge", charge)) != charge:
        raise LabelError(f"{path} says CHARGE {dft['charge']}, the label is for {charge:+d}: give --charge")
    kinds = {str(kind.get("_", "")).upper() for kind in evaluation.get("+subsys", {}).get("+kind", [])}
    missing = sorted({symbol for symbol in symbols_of(frame.numbers) if symbol.upper() not in kinds})
    if missing and "DEFAULT" not in kinds:
        raise LabelError(f"{path} has no &KIND {missing[0]}; it needs one, with BASIS_SET and POTENTIAL, per element")
    if (int(frame.numbers.sum()) - charge) % 2 and not (dft.get("uks") or dft.get("lsd")):
        raise LabelError(
            f"an odd number of electrons at charge {charge:+d}; if that is right, {path} needs UKS T and MULTIPLICITY"
        )


def run_input(
    tree: Tree,
    configuration: Configuration,
    field: Array,
    restart: str | None,
    *,
    names: Sequence[str] | None = None,
    keep: bool = False,
    schema: Path | None = None,
) -> str:
    """Return the CP2K input of one configuration in one field (E_h/(e a0), shape (3,)).

    Atoms are of the kinds ``names``, by default their elements. It starts from the wave function in ``restart``, or
    from scratch, and keeps its own for other runs if ``keep``. The third attempt and later ones use a safer minimiser.
    """
    ours, frame = deepcopy(tree), configuration.frame
    evaluation = ours["+force_eval"][0]
    dft, subsys = evaluation.setdefault("+dft", {}), evaluation.setdefault("+subsys", {})
    ours["+global"] |= {"project_name": NAME, "run_type": "ENERGY_FORCE", "print_level": "LOW"}
    for section in ("+cell", "+coord", "+topology", "+velocity"):  # written here, or contradicting what is
        subsys.pop(section, None)
    subsys["+cell"] = {axis: tuple(vector) for axis, vector in zip("abc", frame.cell.tolist(), strict=True)}
    subsys["+cell"]["periodic"] = "XYZ"
    rows = zip(names or symbols_of(frame.numbers), frame.positions.tolist(), strict=True)
    subsys["+coord"] = {"*": [f"{name} {x:.10f} {y:.10f} {z:.10f}" for name, (x, y, z) in rows]}
    evaluation.setdefault("+print", {})["+forces"] = {"_": "ON", "filename": f"={FORCES}", "ndigits": 14}

    dft["charge"] = configuration.charge
    for section in ("+efield", "+periodic_efield"):
        dft.pop(section, None)
    strength = float(np.linalg.norm(field))
    if strength:  # CP2K divides POLARISATION by its norm, and stops at 0 0 0
        dft["+periodic_efield"] = {"intensity": strength, "polarisation": tuple((field / strength).tolist())}
    moments = {"_": "ON", "filename": f"={MOMENTS}", "periodic": True, "reference": "ZERO"}
    dft.setdefault("+print", {})["+moments"] = moments

    scf = dft.setdefault("+scf", {})
    dft.pop("wfn_restart_file_name", None)
    scf["scf_guess"] = "RESTART" if restart else "ATOMIC"
    if restart:
        dft["wfn_restart_file_name"] = restart
    kept = {"_": "ON" if keep else "OFF", "backup_copies": 0}
    scf.setdefault("+print", {}).update({"+restart": kept, "+restart_history": {"_": "OFF"}})
    if configuration.attempt > 1:
        _make_safer(scf)
    return "\n".join(_generator(schema).line_iter(ours)) + "\n"


def _make_safer(scf: Tree) -> None:
    """Use conjugate gradients, which converge slowly and surely; thresholds stay."""
    scf["+ot"] |= {"minimizer": "CG", "preconditioner": "FULL_ALL"}
    scf["+outer_scf"] = {"eps_scf": scf.get("eps_scf", DEFAULT_EPS_SCF)} | scf.get("+outer_scf", {}) | {"max_scf": 40}
    scf["max_scf"] = 60


@cache  # as `_parser`
def _generator(schema: Path | None) -> Any:
    from cp2k_input_tools.generator import CP2KInputGenerator

    return CP2KInputGenerator(str(schema)) if schema else CP2KInputGenerator()
