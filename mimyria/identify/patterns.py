"""The functional groups that are told from spectra: their names, and the patterns that say which molecule has them."""

from __future__ import annotations

GROUPS: dict[str, str] = {
    "O-H": "[OX2H]",
    "alcohol": "[CX4][OX2H]",
    "phenol": "c[OX2H]",
    "carboxylic acid": "[CX3](=O)[OX2H]",
    "C=O": "[#6X3]=[OX1]",
    "aldehyde": "[CX3;H1,H2]=[OX1]",
    "ketone": "[#6][#6X3](=[OX1])[#6]",
    "ester": "[#6,#1;!$([#7])][#6X3](=O)[#8X2][#6]",
    "amide": "[#6X3](=[OX1])[#7X3]",
    "ether": "[#6;!$([CX3]=[O,S,N])][OX2][#6;!$([CX3]=[O,S,N])]",
    "methoxy": "[OX2][CX4H3]",
    "epoxide": "[OX2r3]",
    "N-H": "[#7;H1,H2,H3]",
    "NH2": "[NX3;H2]",
    "amine": "[NX3;!$(N[C,S,N]=[O,S,N]);!$(N=*);!$([N+])]([CX4,c])",
    "nitrile": "[CX2]#[NX1]",
    "C≡C": "[CX2]#[CX2]",
    "C=C": "[#6X3]=[#6X3]",
    "=CH2": "[CX3H2]=[#6X3]",
    "C=N": "[#6X3]=[NX2]",
    "benzene ring": "c1ccccc1",
    "heteroaromatic ring": "[n,o,s]",
    "=C-H": "[$([cH]),$([CX3;H1,H2]=[#6])]",
    "CH3": "[CX4H3]",
    "CH2": "[CX4H2]",
    "cyclopropane ring": "[CX4r3]1[CX4r3][CX4r3]1",
    "nitro": "[$([NX3](=O)=O),$([NX3+](=O)[O-])]",
    "C-F": "[#6][F]",
    "CF3": "[CX4](F)(F)F",
    "C-Cl": "[#6][Cl]",
    "C-Br": "[#6][Br]",
    "S-H": "[SX2H]",
    "thioether": "[#6;!$([CX3]=[O,S,N])][SX2][#6]",
    "SO2": "[SX4](=O)(=O)",
}
"""SMARTS by name. They overlap: an alcohol has O-H too, and a carboxylic acid C=O. `#6` in place of `C` finds C=O, C=N
and C=C on rings that RDKit calls aromatic, as in pyridones, too."""
