"""`python -m portproof.documents.schema OUT_DIR` writes the JSON Schemas into a folder.

`policies/schema/` is its output, and a test keeps it fresh.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from portproof.documents.json_schema import json_schemas


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema into a folder, which is made when it is missing; gives the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in json_schemas().items():
        file = folder / f"{name}.schema.json"
        file.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(file)
    return written


def main(arguments: list[str]) -> int:
    """Write the schemas into the folder that is the only argument; gives the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m portproof.documents.schema OUT_DIR\n")
        return 2
    for file in write_schemas(Path(arguments[0])):
        sys.stdout.write(f"{file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
