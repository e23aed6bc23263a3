"""The loop from a trajectory to converged spectra: select, label, train, predict, compare, stop or go on."""
