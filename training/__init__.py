"""From a history to a bundle: slices, fit, calibration, evaluation, grade, registry."""
