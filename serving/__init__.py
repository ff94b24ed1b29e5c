"""Serving: scoring runs, the HTTP API, the console, and deliveries of alerts and scores.

The command line calls ``snapshots.scoring_run.run_scoring`` and ``run.serve``. This package imports neither, so that
``rapport.serving.client`` stays light enough for another company's program.
"""
