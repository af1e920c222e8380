"""Lists in statements, as one parameter: the statement stays the same however many there are.

SQLAlchemy's own way writes a place for each, anew at each execution, and the database then reads a statement that it
has not seen before.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, BindParameter, Dialect, Text, TypeDecorator, bindparam
from sqlalchemy.types import TypeEngine


def one_of(name: str, dialect: str) -> str:
    """SQL to follow a column: its value is in the list of that name."""
    return f"= ANY(:{name})" if dialect == "postgresql" else f"IN (SELECT value FROM json_each(:{name}))"  # noqa: S608


def among(question: str, dialect: str) -> str:
    """SQL to follow a column: its value is in the answer to a question, which PostgreSQL asks once, before all else.

    As a mere IN it becomes a join: by statistics of a quiet hour a text was sought in all that waits.
    """
    return f"= ANY(ARRAY({question}))" if dialect == "postgresql" else f"IN ({question})"


def listed(name: str, of: type[TypeEngine[Any]] = Text) -> BindParameter[Sequence[Any]]:
    """The parameter of `one_of`; asyncpg knows arrays of text and asks a new connection about any others, for 5 ms."""
    return bindparam(name, type_=_List(of()))


class _List(TypeDecorator[Sequence[Any]]):
    """PostgreSQL has arrays; SQLite reads JSON."""

    impl = Text
    cache_ok = True

    def __init__(self, of: TypeEngine[Any]) -> None:
        super().__init__()
        self.of = of

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """What the driver is given."""
        return dialect.type_descriptor(ARRAY(self.of) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        """The list itself, or its JSON."""
        return list(value or ()) if dialect.name == "postgresql" else json.dumps(list(value or ()))
