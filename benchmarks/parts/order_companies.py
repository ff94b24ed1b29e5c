"""Invented order histories whose base rate moves: seasons, drift, growth, decline, a yearly gift, a shock.

Every customer has a rate of its own and leaves after a time of its own; what all share is how the rate, the chance to
leave and the number of newcomers change with the calendar. Equal arguments give equal rows.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

START = datetime(2016, 1, 1)  # noqa: DTZ001 - the invented company's own clock
WEEK, YEAR = 7.0, 365.25


@dataclass(frozen=True)
class OrderCompany:
    """What all customers share; logarithmic changes are per year.

    ``gift_month`` makes orders yearly: each customer gives at most once a season, about that month.
    """

    customers: int = 2500
    years: float = 4.0
    orders_a_year: float = 5.0
    stay_years: float = 2.0
    season: float = 0.0
    rate_trend: float = 0.0
    leave_trend: float = 0.0
    growth: float = 0.0
    wander: float = 0.0
    gift_month: int | None = None
    shock: float = 0.0


COMPANIES = {
    "steady": OrderCompany(),
    "season": OrderCompany(season=0.5),
    "wander": OrderCompany(wander=0.3),
    "growth": OrderCompany(growth=0.6, rate_trend=0.15),
    "decline": OrderCompany(rate_trend=-0.5, leave_trend=0.3, growth=-0.3),
    "decline_season": OrderCompany(rate_trend=-0.3, season=0.3, years=5.0, orders_a_year=8.0),
    "donors": OrderCompany(years=8.0, gift_month=12, stay_years=5.0),
    "donors_decline": OrderCompany(years=8.0, gift_month=11, stay_years=5.0, leave_trend=0.15, rate_trend=-0.1),
    "shock": OrderCompany(shock=-0.8),
}


def write_orders(company: OrderCompany, folder: Path, seed: int) -> datetime:
    """Write ``orders.parquet`` and return the end of the history."""
    generator = np.random.default_rng(seed)
    births, lasts, rates = _lives(company, generator)
    draw = _gifts if company.gift_month else _orders
    customer, day = draw(company, generator, births, lasts, rates)
    order = np.argsort(day, kind="stable")
    customer, day = customer[order], day[order]
    amounts = np.exp(generator.normal(3.5, 0.6, len(day)) + generator.normal(0, 0.5, company.customers)[customer])
    folder.mkdir(parents=True, exist_ok=True)
    moments = pd.to_datetime(START) + pd.to_timedelta(np.floor(day * 86400), unit="s")
    pd.DataFrame(
        {
            "customer_id": [f"C{index:05d}" for index in customer],
            "order_id": [f"O{index:07d}" for index in range(len(day))],
            "ordered_at": moments.astype("datetime64[us]"),
            "amount": amounts.round(2),
        }
    ).to_parquet(folder / "orders.parquet", index=False)
    return START + timedelta(days=company.years * YEAR)


def _lives(company: OrderCompany, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each customer's first day, last day and yearly rate."""
    days = company.years * YEAR
    share = generator.random(company.customers)
    pull = company.growth * company.years
    births = days * (np.log1p(share * np.expm1(pull)) / pull if abs(pull) > 1e-9 else share)
    # A third was there when the history begins.
    births[generator.random(len(births)) < 1 / 3] = 0.0
    stay = generator.gamma(1.0, company.stay_years * YEAR, len(births))
    lasts = births + stay * np.exp(-company.leave_trend * births / YEAR)
    return births, lasts, generator.gamma(1.2, company.orders_a_year / 1.2, len(births))


def _orders(
    company: OrderCompany, generator: np.random.Generator, births: np.ndarray, lasts: np.ndarray, rates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    weeks = np.arange(0, company.years * YEAR, WEEK)
    walk = np.cumsum(generator.normal(0, company.wander * np.sqrt(WEEK / YEAR), len(weeks)))
    season = company.season * np.cos(2 * np.pi * (weeks / YEAR - 0.9))
    level = np.exp(season + company.rate_trend * weeks / YEAR + walk + company.shock * (weeks > weeks[-1] - 120))
    alive = (weeks >= births[:, None]) & (weeks < lasts[:, None])
    counts = generator.poisson(rates[:, None] * level * WEEK / YEAR * alive)
    customer, week = (np.repeat(index, counts[counts > 0]) for index in np.nonzero(counts))
    day = np.r_[weeks[week] + WEEK * generator.random(len(week)), births]
    return np.r_[customer, np.arange(len(births))], day


def _gifts(
    company: OrderCompany, generator: np.random.Generator, births: np.ndarray, lasts: np.ndarray, rates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    giving = generator.beta(3.0, 1.5, len(births))
    own_day = generator.normal(0, 12, len(births))
    customers, days = [], []
    for year in range(int(company.years) + 1):
        around = (year + (company.gift_month or 1) / 12 - 0.04) * YEAR
        swing = company.rate_trend * year + company.wander * generator.normal()
        chance = 1 / (1 + np.exp(-(np.log(giving / (1 - giving)) + swing)))
        gives = (births <= around) & (lasts > around) & (generator.random(len(births)) < chance)
        # Whoever begins in a year gives that year.
        gives |= (births <= around) & (births > around - YEAR)
        at = around + own_day + generator.normal(0, 10, len(births))
        kept = gives & (at < company.years * YEAR) & (at > 0)
        customers.append(np.flatnonzero(kept))
        days.append(at[kept])
    extra = np.flatnonzero((rates > np.quantile(rates, 0.9)) & (lasts > births + 60))
    spread = births[extra] + generator.random(len(extra)) * np.minimum(lasts, company.years * YEAR)[extra].clip(1)
    kept = spread < np.minimum(lasts[extra], company.years * YEAR)
    return np.r_[np.concatenate(customers), extra[kept]], np.r_[np.concatenate(days), spread[kept]]
