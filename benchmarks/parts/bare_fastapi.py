"""The least app that scores with reasons: FastAPI, LightGBM's own pred_contrib, rows kept in memory."""

import json
import sys
from pathlib import Path

import lightgbm as lgb
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

FOLDER = Path(sys.argv[1])
BOOSTER = lgb.Booster(model_file=str(FOLDER / "model.txt"))
ROWS = np.load(FOLDER / "rows.npy")
PLACE = {one: row for row, one in enumerate(json.loads((FOLDER / "ids.json").read_text()))}
NAMES = BOOSTER.feature_name()
app = FastAPI()


class Asked(BaseModel):
    """The same question as the service takes."""

    customer_ids: list[str]
    reasons: int = 5


@app.post("/score")
def score(asked: Asked) -> dict:
    """Predict, and name the strongest contributions."""
    rows = ROWS[[PLACE[one] for one in asked.customer_ids]]
    chances = BOOSTER.predict(rows, num_threads=1)
    shares = BOOSTER.predict(rows, pred_contrib=True, num_threads=1)[:, :-1]
    best = np.argsort(-np.abs(shares), axis=1)[:, : asked.reasons]
    return {
        "answers": [
            {
                "customer_id": one,
                "probability": chance,
                "reasons": [{"feature": NAMES[at], "evidence": share[at]} for at in top],
            }
            for one, chance, share, top in zip(
                asked.customer_ids, chances.tolist(), shares.tolist(), best.tolist(), strict=True
            )
        ]
    }


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)
