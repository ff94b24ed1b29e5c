"""What to do about a tier, a reason or a gap: texts and figures that a company edits, shipped with good defaults."""

from rapport.scoring.playbook.reading import Action, Playbook, playbook_of, read_playbook

__all__ = ["Action", "Playbook", "playbook_of", "read_playbook"]
