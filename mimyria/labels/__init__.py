"""Labels: response tensors of configurations, from the forces that an engine gives in electric fields."""
