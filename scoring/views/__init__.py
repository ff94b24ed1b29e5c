"""What else a company asks about its customers: each a function of the history with an Arrow frame out."""

from scoring.views.attribution import attribution
from scoring.views.customer_tree import customer_tree
from scoring.views.decision_chain import chains, decision_chain
from scoring.views.opportunities import closed_opportunities, opportunities
from scoring.views.risk_overview import risk_overview
from scoring.views.segments import revenue_shares, segments

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
