"""ServiceNow for tests: its Table API over the table `incident`, with what it does without a word."""

from __future__ import annotations

import re
from typing import Any

from tickets.desk import Answer, Asked, Desk, Refused, require_known

TABLE = re.compile(r"/api/now/table/([a-z_]+)(?:/([0-9a-f]{32}))?")
PARAMETERS = {
    "sysparm_query",
    "sysparm_fields",
    "sysparm_limit",
    "sysparm_offset",
    "sysparm_display_value",
}
COLUMNS = {
    "short_description": 160,
    "description": 4000,
    "correlation_id": 100,
    "correlation_display": 100,
    "state": 40,
    "urgency": 40,
    "assignment_group": 32,
    "close_code": 40,
    "close_notes": 4000,
    "resolved_at": 40,
    "closed_at": 40,
}


class ServiceNowDesk(Desk):
    """An instance with incidents."""

    def __init__(self, *, columns: dict[str, int] | None = None) -> None:
        super().__init__()
        self.columns = COLUMNS if columns is None else columns
        self.records: list[dict[str, str]] = []
        self.notes: dict[str, list[str]] = {}

    def set_state(self, number: str, state: str) -> None:
        """Move a record, as its people do."""
        (record,) = (each for each in self.records if each["number"] == number)
        self._set(record, {"state": state})

    def handle(self, asked: Asked) -> Answer:
        matched = TABLE.fullmatch(asked.path)
        if matched is None:
            raise Refused(400, _error("Requested URI does not represent any resource"))
        if matched[1] != "incident":
            raise Refused(400, _error(f"Invalid table {matched[1]}"))
        require_known(asked.query, PARAMETERS, lambda name: _error(f"Unknown parameter {name}"))
        match asked.method, matched[2]:
            case "GET", None:
                return self._list(asked)
            case "POST", None:
                return self._create(asked.body)
            case "GET", str() as sys_id:
                return Answer(200, {"result": self._shown(self._record(sys_id), asked)})
            case "PATCH", str() as sys_id:
                record = self._record(sys_id)
                self._set(record, asked.body)
                return Answer(200, {"result": dict(record)})
        raise Refused(405, _error("Method not supported"))

    def _record(self, sys_id: str) -> dict[str, str]:
        for each in self.records:
            if each["sys_id"] == sys_id:
                return each
        raise Refused(404, _error("No Record found"))

    def _list(self, asked: Asked) -> Answer:
        found = [each for each in self.records if self._matches(each, asked.query["sysparm_query"])]
        at, limit = int(asked.query["sysparm_offset"]), int(asked.query["sysparm_limit"])
        shown = [self._shown(each, asked) for each in found[at : at + limit]]
        return Answer(200, {"result": shown}, {"X-Total-Count": str(len(found))})

    def _matches(self, record: dict[str, str], query: str) -> bool:
        for part in query.split("^"):
            if part.startswith("ORDERBY"):
                continue
            name, operator, value = re.fullmatch(r"([a-z_]+)(IN|=)(.*)", part).groups()  # type: ignore[union-attr]
            if name not in {*self.columns, "number", "sys_id"}:
                continue  # a condition on a column that is not there is left out, without a word
            wanted = value.split(",") if operator == "IN" else [value]
            if record.get(name, "") not in wanted:
                return False
        return True

    def _shown(self, record: dict[str, str], asked: Asked) -> dict[str, str]:
        shown = asked.query.get("sysparm_display_value") == "true"
        notes = "\n\n".join(reversed(self.notes[record["sys_id"]])) if shown else ""
        every = {**record, "work_notes": notes}
        return {
            each: every[each] for each in asked.query["sysparm_fields"].split(",") if each in every
        }

    def _create(self, body: dict[str, str]) -> Answer:
        number = len(self.records) + 1
        record = {"sys_id": f"{number:032x}", "number": f"INC{number:07}", "state": "1"}
        self.notes[record["sys_id"]] = []
        self.records.append(record)
        self._set(record, body)
        return Answer(201, {"result": dict(record)})

    def _set(self, record: dict[str, str], body: dict[str, str]) -> None:
        before = record["state"]
        for name, value in body.items():
            assert isinstance(value, str)
            if name == "work_notes":
                self.notes[record["sys_id"]].append(
                    f"2026-11-21 12:00:00 - audit (Work notes)\n{value}"
                )
            elif name in self.columns:
                assert len(value) <= self.columns[name], f"{name} would be cut"
                record[name] = value
        if record["state"] == before:
            return
        now = self.tick().strftime("%Y-%m-%d %H:%M:%S")
        match record["state"]:
            case "6":
                record["resolved_at"] = now
            case "7" | "8":
                record["closed_at"] = now
            case _:
                record["resolved_at"] = record["closed_at"] = ""


def _error(message: str) -> Any:
    return {"error": {"message": message, "detail": None}, "status": "failure"}
