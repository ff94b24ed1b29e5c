"""What else a company asks about its customers: each a function of the history with an Arrow frame out."""

from rapport.scoring.views.attribution import attribution
from rapport.scoring.views.customer_tree import customer_tree
from rapport.scoring.views.decision_chain import chains, decision_chain
from rapport.scoring.views.opportunities import closed_opportunities, opportunities
from rapport.scoring.views.risk_overview import risk_overview
from rapport.scoring.views.segments import revenue_shares, segments

__all__ = [
    "attribution",
    "chains",
    "closed_opportunities",
    "customer_tree",
    "decision_chain",
    "opportunities",
    "revenue_shares",
    "risk_overview",
    "segments",
]
