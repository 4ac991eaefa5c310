"""Tests of the optimizer, the physical planner and the stages, without a cluster."""
