"""What a run is checked for: its temperatures, what its nuclei are, integrals of its spectra, independent blocks."""
