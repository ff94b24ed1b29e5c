"""The dossier of a data folder: model card, data lineage, fairness, oversight and rights, from records only."""
