"""The rules of thumb and standard models that a company would otherwise use, made from order tables with pandas."""

from peers.models import boosted_many_slices, boosted_one_slice, logistic_many_slices
from peers.rules import buy_till_you_die, recency, rfm_logistic, rfm_ranks

PEERS = {
    "recency": recency,
    "rfm_rule": rfm_ranks,
    "rfm_logit": rfm_logistic,
    "bg_nbd": buy_till_you_die,
    "logit_slices": logistic_many_slices,
    "lgbm_one_slice": boosted_one_slice,
    "lgbm_slices": boosted_many_slices,
}
