"""Files of atoms, whoever wrote them: their text, the names, elements and masses of atoms, cells, index orders."""
