"""Optics: Kramers-Kronig, Fresnel's laws, what instruments show of a sample with known n and κ, and the way back."""
