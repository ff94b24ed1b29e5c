"""Personal data in a data folder: forget, export, retention, backup and the compliance dossier."""
