"""Analytics over a history: account hierarchy, stakeholders, risk, attribution, segments, opportunities."""
