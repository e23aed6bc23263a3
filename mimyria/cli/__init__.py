"""The command line: what each flag means, and which function does the work."""

from __future__ import annotations

from collections.abc import Callable

import typer

from mimyria import __version__
from mimyria.cli.about import demo, info
from mimyria.cli.auto import autotrain
from mimyria.cli.harmonic import harmonic
from mimyria.cli.identify import identify
from mimyria.cli.label import label
from mimyria.cli.local import app as page
from mimyria.cli.local import treat
from mimyria.cli.networks import convert, evaluate, predict, train
from mimyria.cli.spectra import bands, compare, optics, rates, spectrum, static

EXAMPLES: dict[Callable[..., None], str] = {
    demo: "mimyria demo --quick --out demo",
    label: "mimyria label md.extxyz --engine tblite --cluster 4 --sample 5 --out labels.extxyz --work work",
    train: "mimyria train labels.extxyz --target apt --out apt.mym --time-limit 5",
    evaluate: "mimyria evaluate apt.mym labels.extxyz --plot parity.png",
    predict: "mimyria predict apt.mym md.extxyz --out tensors.extxyz",
    spectrum: "mimyria spectrum md.trr --topology md.pdb --apt apt.mym --pgt pgt.mym --out spectra",
    harmonic: "mimyria harmonic water.xyz --calculator tblite --relax --out water",
    identify: "mimyria identify sample.jdx raman=raman.csv --out sample",
    page: "mimyria app",
    autotrain: "mimyria autotrain configs/autotrain-quick.yaml --folder quick",
    convert: "mimyria convert original.mym --layout mimyria-field --out apt.mym",
    compare: "mimyria compare demo/ir.csv other/ir.csv --range 300 4000",
    bands: 'mimyria bands demo --range "3000 3800"',
    optics: 'mimyria optics measured.dx --atr "45 2.4" --index 1.33 --at 4000 --out water.csv',
    static: "mimyria static solution water",
    info: "mimyria info apt.mym",
}
"""The commands in the order of the help, each with the example that its own help shows."""

app = typer.Typer(
    help="Infrared and polarised Raman spectra from molecular dynamics that already exists.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command, example in EXAMPLES.items():
    app.command(epilog=f"Example: {example}")(command)
for command in (rates, treat):  # what other commands start
    app.command(hidden=True)(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def common(
    version: bool = typer.Option(False, "--version", is_eager=True, help="Print the version.", callback=_show_version),
) -> None:
    """Take what belongs to no command."""
