"""Alert rules as a company writes them down."""

HIGH = '{en: "{name}: {probability:.0%}", zh: "{name}：{probability:.0%}"}'
"""Who it is, and how likely the customer is to leave."""


def rule(name: str, when: str, text: str = HIGH, *, priority: int = 1, cause: str = "risk") -> str:
    """Write one rule that keeps quiet for a month once it has told."""
    return (
        f"  - name: {name}\n    cause: {cause}\n    priority: {priority}\n    cooldown_days: 30\n"
        f"    when: {{{when}}}\n    text: {text}\n"
    )


def alerts_yaml(*rules: str, capacity: int) -> str:
    """Write the file ``alerts.yaml``."""
    return f"capacity_per_week: {capacity}\nrules:\n{''.join(rules)}"
