"""The equivariant networks: graph in, tensors in physical units out. The only room with torch and e3nn."""
