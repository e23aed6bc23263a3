"""The page for files that are dropped on it: a small server that only this machine can reach, and its jobs."""
