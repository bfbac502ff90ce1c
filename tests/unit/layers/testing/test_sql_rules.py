"""Statements put together from text: what a visitor may write blocks, what the code itself says does not."""

from __future__ import annotations

import pytest

from sixfold.layers.testing.scanners.audit import audit

HEAD = 'SHOWN = ("id", "name")\nFILTERS = ("name", "year")\n'
CLAUSES = """
def find(db, filters):
    where, values = ["hidden = 0"], []
    BODY
    return db.execute("SELECT id FROM t WHERE " + " AND ".join(where) + " LIMIT ?", values)
"""
NAMED = """
def find(db, filters):
    BODY
    return db.execute(f"SELECT {', '.join(SHOWN)} FROM t WHERE {where}")
"""
GROWN = """
def find(db, name, newest):
    sql = "SELECT id FROM t WHERE hidden = 0"
    BODY
    return db.execute(sql)
"""


@pytest.mark.parametrize(
    ("program", "body"),
    [
        (
            CLAUSES,
            'for column, word in (("name", filters[0]), ("by", filters[1])): where.append(f"{column} LIKE ?")',
        ),
        (CLAUSES, 'for key in FILTERS: where.append(f"{key} = ?")'),
        (CLAUSES, 'for key, value in filters.items():\n        if key in FILTERS: where.append(f"{key} = ?")'),
        (CLAUSES, 'where += [f"{key} = ?" for key in ("name", "year")]'),
        (CLAUSES, 'where.append("name IN (" + ", ".join("?" for _ in filters) + ")")'),
        (CLAUSES, 'where.append(f"year >= {int(filters[0])}")'),
        (NAMED, 'where = "id = ?" if filters else "1"'),
        (NAMED, "where = built(filters)"),
        (GROWN, 'sql += " AND name = ?" if name else ""'),
        (GROWN, 'sql += f" ORDER BY {SHOWN[0]}"'),
    ],
)
def test_what_the_code_itself_says_may_be_joined_to_a_statement(program: str, body: str) -> None:
    assert blocking(program.replace("BODY", body)) == set()


@pytest.mark.parametrize(
    ("program", "body"),
    [
        (CLAUSES, 'for column, word in (("name", filters[0]),): where.append(f"{column} LIKE \'{word}\'")'),
        (CLAUSES, 'for key, value in filters.items(): where.append(f"{key} = ?")'),
        (CLAUSES, 'where += [f"{key} = ?" for key in filters]'),
        (NAMED, "where = f\"name = '{filters}'\""),
        (GROWN, "sql += f\" AND name = '{name}'\""),
        (GROWN, 'sql += " ORDER BY " + newest'),
    ],
)
def test_what_a_visitor_may_write_blocks_however_it_is_joined(program: str, body: str) -> None:
    assert blocking(program.replace("BODY", body)) == {"sql-injection"}


def blocking(source: str) -> set[str]:
    return {one.rule for one in audit("lib.py", (HEAD + source).encode()) if one.severity == "error"}
