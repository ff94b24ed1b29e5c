"""The members of the ensemble: each predicts log-odds and splits them exactly by feature and family."""
