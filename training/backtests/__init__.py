"""Backtests: train before past cutoffs, predict from there, and compare with what came."""
