"""What `rapport map` proposes for the schemas of vendors, against an answer key.

``python benchmarks/presets.py`` prints for each vendor and form the share of required columns that are right, and the
tables that are wrong. An expression counts as right if the column of the answer is in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from rapport.errors import RapportError
from rapport.history.mapping import propose_mapping

SCHEMAS = Path(__file__).parent / "parts" / "vendor_schemas.yaml"


def main() -> None:
    """Print the table."""
    schemas = yaml.safe_load(SCHEMAS.read_text(encoding="utf-8"))
    right = wanted = wrong = 0
    for name, schema in schemas.items():
        proposed = propose(schema["tables"])
        found = judge(proposed, schema["answer"])
        right, wanted, wrong = right + found[0], wanted + found[1], wrong + len(found[3])
        notes = [*(f"missed {each}" for each in found[2]), *(f"WRONG TABLE {each}" for each in found[3])]
        print(f"{name:<30}{found[0]:>3} of {found[1]:<3} {', '.join(notes)}")
    print(f"{right} of {wanted} required columns right ({right / wanted:.1%}), {wrong} wrong tables")


def propose(tables: Mapping[str, list[str]]) -> Mapping[str, Mapping[str, str]]:
    """Return the mapping that is proposed for files with these headers."""
    with TemporaryDirectory() as folder:
        for name, columns in tables.items():
            header = ",".join(f'"{column}"' for column in columns)
            (Path(folder) / f"{name}.csv").write_text(f"{header}\n{',' * (len(columns) - 1)}\n", encoding="utf-8")
        try:
            found: Mapping[str, Mapping[str, str]] = propose_mapping(folder).as_dict()["mapping"]
        except RapportError as error:
            print(error)
            return {}
        return found


def judge(proposed: Mapping[str, Any], answer: Mapping[str, Any]) -> tuple[int, int, list[str], list[str]]:
    """Return right and required columns, the columns that are missed, and the tables that are wrong."""
    right, missed, wrong = 0, [], []
    for table, columns in answer.items():
        mine = proposed.get(table, {})
        if mine and _bare(mine["table"]) != _bare(columns["table"]):
            wrong.append(f"{table} from {mine['table']}")
            mine = {}
        for name, own in columns.items():
            if name == "table":
                continue
            written = mine.get(name, "")
            if own.lower() == written.lower() or own in re.findall(r"\w+", written):
                right += 1
            else:
                missed.append(f"{table}.{name}" + (f" (is {written})" if written else ""))
    wrong += [f"{table} from {mine['table']}" for table, mine in proposed.items() if table not in answer]
    return right, right + len(missed), missed, wrong


def _bare(name: str) -> str:
    return re.sub(r"\W", "", name).lower()


if __name__ == "__main__":
    main()
