"""Load each kind of ensemble member from a stored bundle."""

from collections.abc import Callable, Mapping
from typing import Any

from rapport.errors import BundleError
from rapport.scoring.models.members.bg_nbd import BgNbdMember
from rapport.scoring.models.members.card import CardMember
from rapport.scoring.models.members.corrected import CorrectedMember
from rapport.scoring.models.members.logistic import LogisticMember
from rapport.scoring.models.members.member import EnsembleMember
from rapport.scoring.models.members.trees import TreesMember

Loader = Callable[[Mapping[str, object], Mapping[str, str]], EnsembleMember]

# The stored kind of each member, and how to load it. Bundles keep these names; they never change.
LOADERS: Mapping[str, Loader] = {
    "trees": TreesMember.from_dict,
    "corrected_bg_nbd": CorrectedMember.from_dict,
    "linear": lambda stored, _: LogisticMember.from_dict(stored),
    "rhythm": lambda stored, _: BgNbdMember.from_dict(stored),
    "card": lambda stored, _: CardMember.from_dict(stored),
}


def load_member(stored: Mapping[str, Any], files: Mapping[str, str]) -> EnsembleMember:
    """Return the member that ``to_dict`` and ``files`` described."""
    loader = LOADERS.get(stored["kind"])
    if loader is None:
        raise BundleError(
            f"the bundle has an ensemble member of the kind '{stored['kind']}', which this version does not support."
            f" Known: {', '.join(LOADERS)}. Install the version of Rapport that trained the bundle, or train again."
        )
    return loader(stored, files)
