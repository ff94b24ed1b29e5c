"""Money on one basis: spend if retained, revenue at risk, savable money, lists of work and customer lifetime value."""
