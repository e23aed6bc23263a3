"""Rates: dM/dt and dα/dt along trajectories, whole and by groups of atoms, and their correlation functions."""
