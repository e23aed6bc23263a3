"""Training: networks learn labelled frames, and are measured on frames that they have not seen."""
