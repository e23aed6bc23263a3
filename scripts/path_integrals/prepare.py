"""Write the inputs of path-integral molecular dynamics for i-PI: a thermalisation, and thermostatted ring polymers.

    python prepare.py FRAMES --frame 2500 --model nep.txt --beads 16 --picoseconds 10 --seed 1 --out trpmd-1
    cd trpmd-1 && i-pi equilibrate.xml && i-pi produce.xml

With ``--correct FOLDER`` the dynamics is that of another, dearer potential, a neural network: `--model` alone at each
step, and the difference of the two every `--outer` fs (Tuckerman et al., J. Chem. Phys. 97, 1990 (1992)).

FRAMES is extxyz (also .xz, .zst) with a cell that is upright. With one bead this is classical dynamics of the same
start. ``i-pi RESTART`` goes on with what was stopped. Needs i-PI (PyPI: ipi) 3.3 and a C compiler.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent

TEMPLATE = """<simulation verbosity='low' threading='False'>
  <output prefix='{prefix}'>
    <properties stride='{stride_properties}' filename='out'>
      [ step, time{{femtosecond}}, conserved{{electronvolt}}, temperature{{kelvin}}, temperature(nm=0){{kelvin}},
        kinetic_cv{{electronvolt}}, kinetic_cv(H){{electronvolt}}, potential{{electronvolt}} ]
    </properties>
{trajectories}    <checkpoint filename='chk' stride='{stride_restart}' overwrite='True'/>
  </output>
  <total_steps>{steps}</total_steps>
  <prng><seed>{seed}</seed></prng>
{fields}  <system>
    <initialize nbeads='{beads}'>
{initialize}
    </initialize>
    <forces>
{forces}
    </forces>
    <ensemble><temperature units='kelvin'>{temperature}</temperature></ensemble>
    <motion mode='dynamics'>
      <fixcom>True</fixcom>
      <dynamics mode='nvt'>
        <timestep units='femtosecond'>{timestep}</timestep>{nmts}
        <thermostat mode='pile_g'>
          <tau units='femtosecond'>{tau}</tau>
          <pile_lambda>{friction}</pile_lambda>
        </thermostat>
      </dynamics>
    </motion>
  </system>
</simulation>
"""

FIELD = """  <ffdirect name='{name}' threaded='False' pbc='False'>
    <pes>custom</pes>
    <pes_path>{driver}</pes_path>
    <batch_size>{beads}</batch_size>
    <latency>1e-5</latency>
    <parameters>{{model:{model},structure:{structure}}}</parameters>
  </ffdirect>
"""


def lines_of(path: Path) -> Iterator[str]:
    """Yield the lines of a file that may be packed."""
    program = {".xz": "xzcat", ".zst": "zstdcat", ".gz": "zcat"}.get(path.suffix)
    if program is None:
        with path.open(encoding="utf-8") as stream:
            yield from stream
        return
    with subprocess.Popen([program, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield from process.stdout


def start(path: Path, frame: int) -> str:
    """Return one frame as i-PI reads it, in ångström."""
    stream = lines_of(path)
    for index in range(frame + 1):
        count = int(next(stream))
        comment = next(stream)
        rows = [next(stream) for _ in range(count)]
        if index == frame:
            break
    lattice = re.search(r'Lattice="([^"]+)"', comment)
    if lattice is None:
        raise SystemExit(f"{path} has no cell")
    cell = [float(part) for part in lattice[1].split()]
    if any(abs(cell[k]) > 1e-6 for k in (1, 2, 3, 5, 6, 7)):
        raise SystemExit("the cell has to be orthorhombic")
    head = f"# CELL(abcABC): {cell[0]} {cell[4]} {cell[8]} 90.0 90.0 90.0 cell{{angstrom}} positions{{angstrom}}"
    atoms = [" ".join(row.split()[:4]) for row in rows]
    return "\n".join([str(count), head, *atoms]) + "\n"


def main() -> None:
    """Write both inputs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=Path)
    parser.add_argument("--frame", type=int, default=0)
    parser.add_argument("--model", type=Path, required=True, help="the potential, nep.txt")
    parser.add_argument("--correct", type=Path, help="the folder of a neural network whose dynamics is wanted instead")
    parser.add_argument("--outer", type=float, default=1.0, help="fs between forces of that")
    parser.add_argument("--add", type=Path, help="the folder of a neural network to be added (`mean_force.py`)")
    parser.add_argument("--beads", type=int, default=16)
    parser.add_argument("--temperature", type=float, default=300.0, help="K")
    parser.add_argument("--timestep", type=float, default=0.25, help="fs")
    parser.add_argument("--equilibrate", type=float, default=2.0, help="ps")
    parser.add_argument("--picoseconds", type=float, default=10.0, help="of production")
    parser.add_argument("--tau", type=float, default=1000.0, help="fs, of the centroid's thermostat in production")
    parser.add_argument("--friction", type=float, default=0.5, help="lambda of the thermostat of the other modes")
    parser.add_argument("--every", type=float, default=2.0, help="fs between frames of the centroid")
    parser.add_argument("--beads-every", type=float, default=2.0, help="fs between frames of the beads; 0: none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()

    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "start.xyz").write_text(start(given.frames, given.frame), encoding="utf-8")

    models, moved_by = {"nep": str(given.model.resolve())}, "nep"
    forces, nmts, timestep = "      <force forcefield='nep'/>", "", given.timestep
    if given.correct is not None:
        moved_by, timestep, inner = "nnp", given.outer, round(given.outer / given.timestep)
        if inner < 1 or abs(inner * given.timestep - given.outer) > 1e-9:
            raise SystemExit(f"--outer {given.outer:g} fs is no multiple of --timestep {given.timestep:g} fs")
        models[moved_by] = str(given.correct.resolve())
        forces = "\n".join(
            f"      <force forcefield='{name}'><mts_weights>{weights}</mts_weights></force>"
            for name, weights in (("nep", [-1, 1]), ("nnp", [1, 0]))
        )
        nmts = f"\n        <nmts>[1, {inner}]</nmts>"
    if given.add is not None:
        models[moved_by] += f"+{given.add.resolve()}"
    kept = {"driver": HERE / "driver.py", "structure": (given.out / "start.xyz").resolve(), "beads": given.beads}

    def steps(time: float) -> int:
        return round(time / timestep)

    common = {
        "beads": given.beads,
        "fields": "".join(FIELD.format(name=name, model=model, **kept) for name, model in models.items()),
        "forces": forces,
        "nmts": nmts,
        "temperature": given.temperature,
        "timestep": timestep,
        "stride_properties": steps(10),
        "stride_restart": steps(1000),
    }
    thermal = f"<velocities mode='thermal' units='kelvin'>{given.temperature}</velocities>"
    first = TEMPLATE.format(
        prefix="equilibrate",
        trajectories="",
        steps=steps(1000 * given.equilibrate),
        seed=1000 + given.seed,
        initialize=f"      <file mode='xyz'>start.xyz</file>\n      {thermal}",
        tau=50,
        friction=1.0,
        **common,
    )
    wanted = [("xc", "x_centroid", given.every), ("vc", "v_centroid", given.every)]
    if given.beads_every and given.beads > 1:
        wanted += [("pos", "positions", given.beads_every), ("vel", "velocities", given.beads_every)]
    for _, what, every in wanted:
        if steps(every) < 1 or abs(steps(every) * timestep - every) > 1e-9:
            raise SystemExit(f"{what} every {every:g} fs: no multiple of the step of {timestep:g} fs")
    second = TEMPLATE.format(
        prefix="produce",
        trajectories="".join(
            f"    <trajectory filename='{name}' stride='{steps(every)}' format='xyz' flush='50'>{what}</trajectory>\n"
            for name, what, every in wanted
        ),
        steps=steps(1000 * given.picoseconds),
        seed=2000 + given.seed,
        initialize="      <file mode='chk'>equilibrate.chk</file>",
        tau=given.tau,
        friction=given.friction,
        **common,
    )
    (given.out / "equilibrate.xml").write_text(first, encoding="utf-8")
    (given.out / "produce.xml").write_text(second, encoding="utf-8")


if __name__ == "__main__":
    main()
