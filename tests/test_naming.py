"""Names of atoms become elements and masses; sites go; what is not known is asked for by name."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.data import chemical_symbols

from mimyria.errors import TrajectoryError
from mimyria.files.naming import identify_atoms
from mimyria.files.source import Source


def identified(names: Any, masses: Any = None, aliases: Any = (), **given: Any) -> Any:
    return identify_atoms(names, Source(Path(__file__), **given), "a.xyz, frame 3", masses=masses, aliases=aliases)


@pytest.mark.parametrize("spell", [str, str.lower, str.upper, " {} ".format, "\ufeff{}".format, str.encode])
def test_every_element_in_any_case(spell: Any) -> None:
    atoms = identified([spell(symbol) for symbol in chemical_symbols[1:]])
    np.testing.assert_array_equal(atoms.numbers, np.arange(1, len(chemical_symbols)))
    assert atoms.masses is None
    assert atoms.kept is None


@pytest.mark.parametrize(
    ("name", "number", "mass"),
    [
        *(("D", 1, 2.014), ("T", 1, 3.016), ("2H", 1, 2.014), ("²H", 1, 2.014), ("d", 1, 2.014), ("³H", 1, 3.016)),
        *(("13C", 6, 13.003), ("¹⁸O", 8, 17.999), ("37Cl", 17, 36.966), ("1H", 1, 1.008)),
    ],
)
def test_isotopes_are_the_element_with_a_mass(name: str, number: int, mass: float) -> None:
    atoms = identified(["O", name])
    assert atoms.numbers.tolist() == [8, number]
    np.testing.assert_allclose(atoms.masses, [15.999, mass], atol=5e-4)


def test_masses_of_the_file_are_kept_and_nan_is_filled_in() -> None:
    np.testing.assert_allclose(identified(["O", "D", "H"], [np.nan, 2.5, np.nan]).masses, [15.999, 2.5, 1.008])
    assert identified(["O", "H"], [np.nan, np.nan]).masses is None


@pytest.mark.parametrize("names", [np.array([8, 1, 17]), ["8", "1", "17"], [b"8", b"1", b"17"]])
def test_atomic_numbers(names: Any) -> None:
    assert identified(names).numbers.tolist() == [8, 1, 17]


def test_names_that_count_from_one_are_types() -> None:
    with pytest.raises(TrajectoryError, match="named 1, 2, by type; give --species 1=ELEMENT --species 2=ELEMENT"):
        identified(["1", "2", "2"])
    for names, given in ((["1", "2", "6"], {"1": "O"}), (["O", "2"], {})):  # helium is not meant
        with pytest.raises(TrajectoryError, match=r"atoms are named 2(, 6)?, by type; give --species 2=E"):
            identified(names, species=given)
    assert identified(["1", "2", "2"], species={"1": "O", "2": "h"}).numbers.tolist() == [8, 1, 1]
    assert identified(np.array([1, 2])).numbers.tolist() == [1, 2]  # a column that says it holds atomic numbers


@pytest.mark.parametrize("name", ["M", "MW", "EP", "EPW", "LP", "LP2", "X", "OM", "x", "Bq", "DUM"])
def test_massless_sites_are_left_out_and_said_once(name: str, caplog: pytest.LogCaptureFixture) -> None:
    source = Source(Path(__file__))
    with caplog.at_level(logging.INFO, "mimyria"):
        for masses in (None, [16.0, 1.0, 0.0, 1.0], [16.0, 1.0, np.nan, 1.0]):
            atoms = identify_atoms(["O", "H", name, "H"], source, "a", masses=masses)
            assert atoms.numbers.tolist() == [8, 1, 1]
            assert atoms.kept is not None
            assert atoms.kept.tolist() == [0, 1, 3]
            assert atoms.of(np.arange(4)).tolist() == [0, 1, 3]
    assert [record.message for record in caplog.records if "massless" in record.message] == [
        f"{__file__}: 1 massless sites ({name}) are left out"
    ]


def test_a_site_with_a_mass_is_no_site_and_a_drude_particle_has_none() -> None:
    with pytest.raises(
        TrajectoryError, match=r"atom 1, named 'M', is not known \(its mass is 40 u\); give --species M="
    ):
        identified(["O", "M"], [16.0, 40.0])
    assert identified(["O", "DO", "D", "M"], [16.0, 0.0, 0.0, 1e-6]).kept.tolist() == [0]
    assert identified(["O", "D"], [16.0, 2.0]).kept is None
    assert identified(["O", "Q"], species={"Q": "X"}).kept.tolist() == [0]
    with pytest.raises(TrajectoryError, match=r"atom 1, D, has a mass of 0.4 u, but H has 1.008 u"):
        identified(["O", "D"], [16.0, 0.4])
    with pytest.raises(TrajectoryError, match="no atom has a mass; they are named M"):
        identified(["M", "M"])


def test_unknown_names_are_all_asked_for_at_once() -> None:
    words = "a.xyz, frame 3: the element of atom 1, named 'OW', is not known; give --species OW=O --species HW1=H "
    with pytest.raises(TrajectoryError) as error:
        identified(["O", "OW", "HW1", "CLA", "Q7", "OW"])
    assert str(error.value) == f"{words}--species CLA=ELEMENT --species Q7=ELEMENT, or correct the name"
    with pytest.raises(TrajectoryError, match="named 'HB1', is not known"):
        identified(["", "C"], aliases=[["HB1", "CA"]])


def test_species_by_any_name_of_the_atom() -> None:
    kinds = {"OW": "O", "opls_1": "D", "Na+": "Na"}
    atoms = identified(["", "", "Na+"], aliases=[["OW", "HW", ""], ["x", "opls_1", ""]], species=kinds)
    assert atoms.numbers.tolist() == [8, 1, 11]
    np.testing.assert_allclose(atoms.masses, [15.999, 2.014, 22.99], atol=1e-3)
    with pytest.raises(TrajectoryError, match="no atom is named Ow, as --species says"):
        identified(["O", "H"], species={"Ow": "O"})
    with pytest.raises(TrajectoryError, match="--species OW=Oxygen: Oxygen is not an element"):
        identified(["OW"], species={"OW": "Oxygen"})
    for wrong in ("Xx", "XX", "VS", 8):
        with pytest.raises(TrajectoryError, match=f"--species OW={wrong}: {wrong} is not an element; .* or X for a"):
            identified(["OW"], species={"OW": wrong})
    for site in ("X", "x", "MW", "LP1"):
        assert identified(["O", "Q"], species={"Q": site}).kept.tolist() == [0]
    with pytest.raises(TrajectoryError, match=r"^mass takes a mapping such as .*, not 'H=2.014'"):
        identified(["H"], mass="H=2.014")
    with pytest.raises(TrajectoryError, match=r"^--mass H takes a number, not '2'"):
        identified(["H"], mass={"H": "2"})
    with pytest.raises(TrajectoryError, match=r"^species takes a mapping such as .*, not 'OW=O'"):
        identified(["OW"], species="OW=O")


def test_masses_by_element_name_and_selection(caplog: pytest.LogCaptureFixture) -> None:
    names = ["O", "H", "M", "H", "HW"]
    with caplog.at_level(logging.INFO, "mimyria"):
        atoms = identified(names, mass={"index 3": 3.0, "H": 2.014, "HW": 2.5}, species={"HW": "H"})
    np.testing.assert_allclose(atoms.masses, [15.999, 2.014, 3.0, 2.5])
    assert "1 H of 2.014 u, 1 H of 3 u, 1 H of 2.5 u" in caplog.text
    np.testing.assert_allclose(identified(names[:2], [16.0, 1.0], mass={"h": 2.0}).masses, [16.0, 2.0])
    others = [["O", "H"], ["OW", "HW"], ["O", "H"]]  # elements, names, types of a topology
    heavy = identified(["O", "H"], aliases=others, mass={"name OW": 18.0, "HW": 2.0})
    np.testing.assert_allclose(heavy.masses, [18.0, 2.0])
    np.testing.assert_allclose(identified(names[:2], mass={"name O": 18.0}).masses, [18.0, 1.008])


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("Cl", "--mass Cl: no element or name of an atom; its elements are H, O$"),
        ("elemnt Cl", "--mass elemnt Cl: no element or name of an atom, and MDAnalysis rejects"),
        ("element Cl", "--mass element Cl holds no atom; its elements are H, O"),
        ("index 2", "--mass index 2 holds no atom"),  # a site
        ("index 9", "--mass index 9 holds no atom"),
        ("around 3 name O", "--mass around 3 name O: masses do not depend on positions"),
    ],
)
def test_a_mass_of_nothing_is_refused(key: str, words: str) -> None:
    with pytest.raises(TrajectoryError, match=words) as error:
        identified(["O", "H", "X"], mass={key: 2.0})
    assert str(error.value).startswith("a.xyz, frame 3: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.inf])
def test_a_mass_that_is_none_is_refused(wrong: float) -> None:
    with pytest.raises(TrajectoryError, match=rf"a.xyz, frame 3: atom 1, H, has a mass of {wrong:g} u; correct"):
        identified(["O", "H"], [16.0, wrong])
    with pytest.raises(
        TrajectoryError, match=rf"--mass H must be positive, not {wrong:g}" if wrong <= 0 else "--mass H"
    ):
        identified(["O", "H"], mass={"H": wrong})


def test_a_mass_that_another_element_has_is_refused() -> None:
    words = r"a.xyz, frame 3: atom 1, CA, has the mass of C, 12.011 u; give --species CA=C"
    with pytest.raises(TrajectoryError, match=words):
        identified(["O", "CA"], [16.0, 12.011])
    assert identified(["O", "CA"], [16.0, 12.011], species={"CA": "C"}).numbers.tolist() == [8, 6]
    assert identified(["CA", "Cl", "H", "C"], [40.1, 35.0, 4.032, 3.03]).numbers.tolist() == [20, 17, 1, 6]
    electrons = [29156.9, 1837.4]
    with pytest.raises(TrajectoryError, match=r"atom 0, O, has a mass of 29156.9 u, but O has 15.999 u; .* --mass O=U"):
        identified(["O", "H"], electrons)
    np.testing.assert_allclose(identified(["O", "H"], electrons, mass={"O": 16, "H": 1}).masses, [16, 1])
    with pytest.raises(TrajectoryError, match=r"a.xyz, frame 3: 300 is not the atomic number of an element"):
        identified(np.array([8, 300]))


def test_symbols_that_a_force_field_means_otherwise_are_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mimyria"):
        identified(["OS", "HO", "FE", "cl", "Ca"], species={"OS": "O"})
    assert [record.message for record in caplog.records] == [
        f"{__file__}: FE, HO are taken for elements; if they are names of a force field, give --species FE=F and so on"
    ]
