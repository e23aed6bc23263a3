"""The page on a run of autotrain: where it stands, what came out, what it cost."""
