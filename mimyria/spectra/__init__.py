"""Spectra: what the correlation functions of the rates mean, in absolute units and with standard errors."""
