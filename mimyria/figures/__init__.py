"""Figures: pictures for print, and pages to zoom into."""
