"""Labels: response tensors from electronic structure. Never imports torch, ``model`` or ``spectra``."""
