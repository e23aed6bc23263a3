"""Statistics of time series: standard errors from blocks and trajectories, and of power at zero frequency."""
