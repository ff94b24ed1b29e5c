"""Scores a million customers on the card `relationship`, with their reasons: seconds and peak memory."""

import argparse
import resource
import time

import numpy as np
import pyarrow as pa

from rapport.scoring.cards import load_card
from rapport.scoring.cards.card_scores import fit_bands, score_card


def invented(customers: int) -> pa.Table:
    """Invent the features that the card reads, a tenth of them unknown, spread over all bands."""
    generator = np.random.default_rng(7)
    card = load_card("relationship")
    columns: dict[str, pa.Array] = {"customer_id": pa.array(np.arange(customers).astype("U8"))}
    for line in card:
        cuts = [threshold.value for threshold in line.bands.thresholds]
        values = generator.uniform(min(cuts) * 0.5, max(cuts) * 1.5 + 1, customers)
        for name in line.features:
            columns[name] = pa.array(values, mask=generator.random(customers) < 0.1)
    return pa.table(columns)


def main() -> None:
    """Time the steps one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    table = invented(parser.parse_args().customers)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    card = fit_bands(load_card("relationship"), table)
    fitted = time.perf_counter()
    scores = score_card(card, table)
    scored = time.perf_counter()
    reasons = scores.reasons(5)
    answered = time.perf_counter()
    rows = scores.to_table(table["customer_id"])
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{rows.num_rows:,} customers, {len(card.indicators)} indicators, {reasons.num_columns // 2} reasons each")
    print(
        f"fit {fitted - start:.2f} s, score {scored - fitted:.2f} s, "
        f"reasons {answered - scored:.2f} s, table {done - answered:.2f} s"
    )
    print(f"memory: {before:.0f} MB with the features, {peak:.0f} MB at most")


if __name__ == "__main__":
    main()
