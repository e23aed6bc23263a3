"""Engines: programs that give forces in electric fields, and the job that runs one configuration."""

NAMES = ("cp2k", "pyscf", "tblite")
"""Of the engines in ``registry.ENGINES``; help texts take them from here, for they must not wait for imports."""
