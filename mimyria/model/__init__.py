"""The equivariant networks: graph in, tensors in physical units out."""
