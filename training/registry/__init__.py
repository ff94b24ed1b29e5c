"""Models in MLflow and in the model store: registration, promotion, rollback, reproduction."""
