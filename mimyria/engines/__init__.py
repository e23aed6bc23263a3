"""Engines: programs that give forces in electric fields, and the job that runs one configuration."""
