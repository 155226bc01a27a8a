"""A chest with known truth: one person, two CTs, nodules of known volume and place."""

from inference.simulate.follow_up import CLINIC_NODULES, SimulatedPair, simulate_pair

__all__ = ["CLINIC_NODULES", "SimulatedPair", "simulate_pair"]
