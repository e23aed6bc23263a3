"""Measured spectra as they are handed out: JCAMP-DX and tables of text, in wavenumbers and absorbances."""
