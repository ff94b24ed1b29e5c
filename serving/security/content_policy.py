"""What a browser may load and run on each kind of page, so that a hostile name that slipped through could not run."""

from collections.abc import Sequence

_NOTHING = "default-src 'none'"
_NO_FRAME = "frame-ancestors 'none'"
_OWN_IMAGES = "img-src 'self' data:"

API = f"{_NOTHING}; {_NO_FRAME}"
# No inline script or style anywhere.
PAGE = (
    f"{_NOTHING}; script-src 'self'; style-src 'self'; {_OWN_IMAGES}; connect-src 'self'; form-action 'self'; "
    f"base-uri 'none'; {_NO_FRAME}"
)
# The generator writes inline scripts; its pages hold no data of customers and no form.
DOCUMENTATION = (
    f"{_NOTHING}; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; {_OWN_IMAGES}; "
    f"font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'self'; {_NO_FRAME}"
)
# The page stands alone: its style is inside it, and it loads nothing.
REPORT = f"{_NOTHING}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; {_NO_FRAME}"


def widget(ancestors: Sequence[str]) -> str:
    """Return the policy of a widget, which only ``ancestors`` may embed."""
    allowed = " ".join(ancestors) or "'none'"
    return f"{_NOTHING}; style-src 'self'; {_OWN_IMAGES}; base-uri 'none'; frame-ancestors {allowed}"
