"""Tests by kind: unit, simulation, cluster, differential, chaos."""
