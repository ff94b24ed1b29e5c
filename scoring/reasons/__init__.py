"""Explain a score: exact feature contributions (TreeSHAP) and sentences in English and Chinese."""
