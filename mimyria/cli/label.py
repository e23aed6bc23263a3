"""The command `label`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimyria.cli.options import Cell, Config, Frames, Layout, Topology, assignments, frame_range, project
from mimyria.config import numbers
from mimyria.errors import ConfigError

SETTINGS = "NAME=VALUE, repeatable. pyscf: functional, basis, grid, convergence. tblite: method. cp2k: schema."


def label(
    configurations: Annotated[list[Path] | None, typer.Argument(help="Configurations, or trajectories.")] = None,
    out: Annotated[Path, typer.Option(help="extxyz with the labelled frames.")] = Path("labels.extxyz"),
    engine: Annotated[str | None, typer.Option(help="cp2k (taken for cells), pyscf (for molecules) or tblite.")] = None,
    work: Annotated[Path, typer.Option(help="Folder of the calculations, kept.")] = Path("labels"),
    target: Annotated[str, typer.Option(help="pgt: APT and PGT from 13 runs; apt: the APT alone, from 7.")] = "pgt",
    field: Annotated[float, typer.Option(help="Field strength, E_h/(e a0).")] = 2e-3,
    template: Annotated[Path | None, typer.Option(help="CP2K input with the FORCE_EVAL to use.")] = None,
    command: Annotated[str | None, typer.Option(help="How to start CP2K, such as `mpirun -np 64 cp2k.psmp`.")] = None,
    set: Annotated[list[str] | None, typer.Option(help=SETTINGS)] = None,
    charge: Annotated[int | None, typer.Option(help="Total charge, e; without it, what the frames say.")] = None,
    executor: Annotated[str, typer.Option(help="local, or a YAML profile such as those in configs/cluster.")] = "local",
    workers: Annotated[int | None, typer.Option(help="Configurations at a time on this machine.")] = None,
    cores: Annotated[int | None, typer.Option(help="Cores (OpenMP threads) of each.")] = None,
    sample: Annotated[int | None, typer.Option(help="Label this many frames, drawn at random.")] = None,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    frames: Frames = None,
    cluster: Annotated[float | None, typer.Option(help="Å; label clusters cut out of the frames.")] = None,
    centres: Annotated[int, typer.Option(help="Central molecules in each frame, drawn at random.")] = 1,
    epsilon: Annotated[float, typer.Option(help="ε∞ of the liquid that clusters stand for; 1.78 for water.")] = 1.0,
    ion: Annotated[list[str] | None, typer.Option(help="Charge of an ion, FORMULA=CHARGE; repeatable.")] = None,
    scheme: Annotated[str, typer.Option(help="field; or displacement, for validation.")] = "field",
    retry: Annotated[bool, typer.Option("--retry", help="Try failed ones again: from scratch, then safer.")] = False,
    max_residual: Annotated[float | None, typer.Option(help="Refuse labels whose fit leaves more, E_h/a0.")] = None,
    sum_rule: Annotated[str, typer.Option(help="none, or project: make the sum over the atoms exact.")] = "none",
    topology: Topology = None,
    cell: Cell = None,
    import_: Annotated[list[Path] | None, typer.Option("--import", help="Tensors of another program.")] = None,
    layout: Layout = None,
    config: Config = None,
) -> None:
    """Compute APT and PGT of configurations from forces in electric fields, or import tensors of other programs."""
    if import_:
        if configurations:
            raise ConfigError("--import takes the file with the tensors; leave the configurations out")
        if sample is not None or max_residual is not None:
            raise ConfigError("--import takes every frame: leave --sample and --max-residual out")
        from mimyria.labels.imports import import_labels

        typer.echo(import_labels(import_, out, layout, charge, project(sum_rule)))
        return
    if not configurations:
        raise ConfigError("nothing to label: give files with configurations, or --import FILE")
    if target not in ("apt", "pgt"):
        raise ConfigError(f"--target takes apt or pgt, not {target!r}")
    from mimyria.labels.command import LabelRequest, make_labels
    from mimyria.labels.label import LabelSettings

    most = float("inf") if max_residual is None else max_residual
    request = LabelRequest(
        engine=engine,
        engine_settings={"template": template, "command": command, **assignments(set or [], "--set")},
        label=LabelSettings(2 if target == "pgt" else 1, field, charge, retry, most),
        scheme=scheme,
        cluster=cluster,
        centres=centres,
        epsilon=epsilon,
        ions={formula: _charge(formula, value) for formula, value in assignments(ion or [], "--ion").items()},
        executor=executor,
        workers=workers,
        cores=cores,
        frames=frame_range(frames),
        sample=sample,
        seed=seed,
        project=project(sum_rule),
        topology=topology,
        cell=numbers(cell, (3, 9), "--cell"),
        layout=layout,
    )
    typer.echo(make_labels(configurations, out, work, request))


def _charge(formula: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"--ion {formula} takes a whole number of elementary charges, not {text!r}") from None
