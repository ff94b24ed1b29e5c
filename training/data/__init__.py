"""The labelled dataset of a training run: task, cutoffs, rows, subsample."""
