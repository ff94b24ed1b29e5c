"""BG/NBD corrected by trees: what orders alone expect, and what every other fact adds to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.members.bg_nbd import BgNbdMember
from rapport.scoring.models.members.member import Contributions, EnsembleMember
from rapport.scoring.models.members.trees import TreesMember

KIND = "corrected_bg_nbd"


@dataclass(frozen=True)
class CorrectedMember:
    """The log-odds of ``bg_nbd`` plus those of ``trees`` that were fitted with BG/NBD's log-odds as their start."""

    name: str
    bg_nbd: BgNbdMember
    trees: TreesMember

    is_card = False

    def contributions(self, rows: Matrix) -> Contributions:
        """Return the sum of both: BG/NBD's part by family, the trees' by feature."""
        start, correction = self.bg_nbd.contributions(rows), self.trees.contributions(rows)
        return Contributions(start.mean + correction.mean, correction.by_feature, start.by_family)

    def centred_on(self, rows: Matrix) -> "CorrectedMember":
        """Return the same member with the contributions of both centred on ``rows``."""
        return replace(self, bg_nbd=self.bg_nbd.centred_on(rows), trees=self.trees.centred_on(rows))

    def to_dict(self) -> dict[str, Any]:
        """Return the part that is stored as JSON; the boosters are files."""
        return {"kind": KIND, "name": self.name, "bg_nbd": self.bg_nbd.to_dict(), "trees": self.trees.to_dict()}

    def files(self) -> dict[str, str]:
        """Return the boosters' texts by file name."""
        return self.trees.files()

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], files: Mapping[str, str]) -> "CorrectedMember":
        """Load what ``to_dict`` and ``files`` returned."""
        return cls(
            stored["name"], BgNbdMember.from_dict(stored["bg_nbd"]), TreesMember.from_dict(stored["trees"], files)
        )


def trees_of(members: Sequence[EnsembleMember]) -> Iterator[TreesMember]:
    """Yield the trees among the members, and those that correct BG/NBD."""
    for member in members:
        if isinstance(member, TreesMember):
            yield member
        elif isinstance(member, CorrectedMember):
            yield member.trees
