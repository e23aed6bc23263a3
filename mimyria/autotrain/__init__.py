"""Autotrain: the parts of the loop from a trajectory to converged spectra; ``mimyria.loop`` runs them."""
