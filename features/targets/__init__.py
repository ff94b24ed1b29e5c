"""What is predicted: states, outcomes, labels and churn by contract."""
