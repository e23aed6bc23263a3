"""Infrared and polarised Raman spectra of liquids and solutions from molecular dynamics that already exists."""

__version__ = "0.1.0"
