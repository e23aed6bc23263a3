"""Spectra: rates along a trajectory, their correlation functions, what they mean. Never imports ``model`` or torch."""
