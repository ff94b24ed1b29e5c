"""How good a model is: metrics beside baselines, grade, intervals, diagnostics."""
