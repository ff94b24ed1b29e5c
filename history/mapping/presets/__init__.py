"""Presets: how the exports and connector tables of well-known systems fit the contract, one YAML file each."""

from rapport.history.mapping.presets.preset import detect_preset, load_preset, preset_names, presets_page

__all__ = ["detect_preset", "load_preset", "preset_names", "presets_page"]
