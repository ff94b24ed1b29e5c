"""Log-odds of members and bundles without reasons: reasons of trees cost a hundred times more."""

import numpy as np

from rapport.scoring import Bundle
from rapport.scoring.models.columns import level_codes
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.corrected import CorrectedMember
from rapport.scoring.models.members.member import EnsembleMember
from rapport.scoring.models.members.trees import TreesMember
from rapport.training.members.gbm import thread_count


def member_logits(member: EnsembleMember, matrix: Matrix) -> Floats:
    """Return a member's log-odds."""
    if isinstance(member, CorrectedMember):
        return member_logits(member.bg_nbd, matrix) + member_logits(member.trees, matrix)
    if not isinstance(member, TreesMember):
        return member.contributions(matrix).logit()
    values = np.ascontiguousarray(matrix.values[:, [matrix.positions[name] for name in member.features]])
    threads = thread_count(len(matrix))
    logits = [booster.predict(values, raw_score=True, num_threads=threads) for booster in member.loaded]
    return np.asarray(np.mean(logits, axis=0))


def bundle_logits(bundle: Bundle, matrix: Matrix) -> Floats:
    """Return the log-odds of a bundle's blend."""
    return bundle.blend.logit({member.name: member_logits(member, matrix) for member in bundle.members}, len(matrix))


def align_columns(matrix: Matrix, bundle: Bundle) -> Matrix:
    """Return the rows in another bundle's columns; a column that these rows lack is unknown."""
    values = np.full((len(matrix), len(bundle.columns)), np.nan)
    for position, column in enumerate(bundle.columns):
        if column.name not in matrix.positions:
            continue
        if column.is_category:
            code = level_codes(column.levels)
            values[:, position] = [code(level) for level in matrix.categories(column.name)]
        else:
            values[:, position] = matrix.column(column.name)
    return Matrix(bundle.columns, values)
