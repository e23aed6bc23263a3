"""Normal modes of molecules and crystals, and the infrared and Raman lines that the same tensors give them."""
