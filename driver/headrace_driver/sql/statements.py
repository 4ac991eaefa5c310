"""Statements: queries, views, settings, SHOW, DESCRIBE, EXPLAIN, INSERT OVERWRITE DIRECTORY."""

from __future__ import annotations

import re

from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan import logical as p
from headrace_driver.plan.expressions import Literal
from headrace_driver.plan.types import StructType
from headrace_driver.sql import caching
from headrace_driver.sql.failures import parse_error
from headrace_driver.sql.lexer import END, QUOTED_NAME, STRING
from headrace_driver.sql.names import identifier_clause
from headrace_driver.sql.pipes import PipeParser

_QUERY_WORDS = frozenset(("SELECT", "VALUES", "FROM", "TABLE", "WITH", "MAP", "REDUCE"))
# Statements of Spark that are not built here, by first word and rest; the longest match names the statement.
_NOT_BUILT: dict[str, tuple[str, ...]] = {
    "ADD": ("FILE", "JAR"),
    "ALTER": ("DATABASE", "TABLE", "VIEW"),
    "ANALYZE": ("TABLE", "TABLES"),
    "BEGIN": ("",),
    "CALL": ("",),
    "COMMENT": ("ON",),
    "CREATE": (
        "DATABASE",
        "FUNCTION",
        "TEMPORARY FUNCTION",
        "INDEX",
        "NAMESPACE",
        "SCHEMA",
        "TABLE",
        "EXTERNAL TABLE",
        "VIEW",
    ),
    "DECLARE": ("",),
    "DELETE": ("",),
    "DESCRIBE": ("DATABASE", "FUNCTION"),
    "DROP": (
        "DATABASE",
        "FUNCTION",
        "TEMPORARY FUNCTION",
        "TEMPORARY VARIABLE",
        "INDEX",
        "NAMESPACE",
        "SCHEMA",
    ),
    "EXECUTE": ("IMMEDIATE",),
    "INSERT": ("INTO", "OVERWRITE"),
    "LIST": ("FILE", "JAR"),
    "LOAD": ("DATA",),
    "MERGE": ("",),
    "MSCK": ("REPAIR TABLE",),
    "REPAIR": ("TABLE",),
    "REPLACE": ("TABLE",),
    "SHOW": (
        "CATALOGS",
        "COLUMNS",
        "CREATE TABLE",
        "CURRENT",
        "DATABASES",
        "FUNCTIONS",
        "NAMESPACES",
        "PARTITIONS",
        "SCHEMAS",
        "TABLE EXTENDED",
        "TBLPROPERTIES",
    ),
    "SET": ("CATALOG", "VARIABLE", "VAR"),
    "TRUNCATE": ("TABLE",),
    "UPDATE": ("",),
    "USE": ("",),
}
_REFUSED = ("GRANT", "REVOKE", "EXPORT", "IMPORT", "LOCK", "UNLOCK", "START", "COMMIT", "ROLLBACK", "DFS")
_KEY = re.compile(r"[A-Za-z_\d.:\-/]+", re.ASCII)


class StatementParser(PipeParser):
    """The grammar of whole statements."""

    def statement(self) -> p.LogicalPlan:
        """One statement."""
        kind = self.kinds[self.i]
        if kind == "(" or kind in _QUERY_WORDS:
            return self._query_or_insert()
        if kind in ("DESC", "DESCRIBE"):
            return self._describe()
        found = {
            "CREATE": self._create,
            "DROP": self._drop,
            "SET": self._set,
            "RESET": self._reset,
            "SHOW": self._show,
            "EXPLAIN": self._explain,
            "INSERT": self._insert,
            "USE": self._use,
        }.get(kind)
        about_caches = caching.STATEMENTS.get(kind)
        if about_caches is not None:
            return about_caches(self)
        if found is not None:
            return found()
        raise self._not_built()

    def _query_or_insert(self) -> p.LogicalPlan:
        if self.kinds[self.i] != "WITH":
            return self.query()
        start = self.i
        around = self.common_tables()
        if self.kinds[self.i] == "INSERT":
            write = self._insert()
            assert isinstance(write, p.WriteFiles)
            return p.replace(write, child=p.replace(around, child=write.child))
        if self.kinds[self.i] in ("DELETE", "UPDATE", "MERGE"):
            raise self._not_built()
        # Read once more as one query, so that there is one place where a query is put together.
        self.i = start
        self.windows_wanted.clear()
        self.positional_used = 0
        return self.query()

    def _not_built(self) -> SparkError:
        start = self.i
        first = "DESCRIBE" if self.kinds[start] == "DESC" else self.kinds[start]
        words = " ".join(self.kinds[start : start + 4]).replace("TEMP ", "TEMPORARY ").replace("DESC ", "DESCRIBE ")
        wholes = [f"{first} {rest}".rstrip() for rest in _NOT_BUILT.get(first, ())]
        names = [name for name in wholes if words == name or words.startswith(name + " ")]
        if names:
            return unsupported(max(names, key=len))
        if first in _REFUSED and self.is_name[start + 1]:
            return parse_error(
                "INVALID_STATEMENT_OR_CLAUSE",
                f"The statement or clause: {first} is not valid.",
                {"operation": first},
                "42601",
                self.tokens.origin(start, start),
            )
        return self.failure()

    def _create(self) -> p.LogicalPlan:
        start = self.i
        self.i += 1
        replace = self.accept_all("OR", "REPLACE")
        is_global = self.accept("GLOBAL")
        temporary = self.accept("TEMPORARY") or self.accept("TEMP")
        if not (temporary and self.accept("VIEW")):
            self.i = start
            if replace and not temporary and self.kinds[start + 3] in ("TABLE", "VIEW", "FUNCTION"):
                raise unsupported(f"CREATE OR REPLACE {self.kinds[start + 3]}")
            raise self._not_built()
        if self.accept_all("IF", "NOT", "EXISTS"):
            raise parse_error(
                "_LEGACY_ERROR_TEMP_0053",
                "It is not allowed to define a TEMPORARY view with IF NOT EXISTS.",
                {},
                "42000",
                self.origin(start),
            )
        name = self.table_name()
        if len(name) > 1:
            raise self._qualified_view(name, start)
        if self.kinds[self.i] == "USING" or (self.kinds[self.i] == "(" and self._has_types()):
            return self._view_of_files(name, replace, is_global)
        columns = self._view_columns() if self.kinds[self.i] == "(" else []
        self._view_clauses(start)
        self.expect("AS")
        names, comments = tuple(name for name, _ in columns), tuple(comment for _, comment in columns)
        return p.CreateView(self.query(), name, replace, is_global, names, comments)

    def _view_clauses(self, start: int) -> None:
        """What stands before AS: a comment, which Spark shows nowhere for a temporary view."""
        commented = False
        while self.kinds[self.i] in ("COMMENT", "TBLPROPERTIES", "WITH"):
            if self.accept("TBLPROPERTIES"):
                said = "Operation not allowed: TBLPROPERTIES can't coexist with CREATE TEMPORARY VIEW."
                parameters = {"message": "TBLPROPERTIES can't coexist with CREATE TEMPORARY VIEW"}
                raise parse_error("_LEGACY_ERROR_TEMP_0035", said, parameters, "42000", self.origin(start))
            if self.accept_all("WITH", "SCHEMA"):
                raise parse_error(
                    "UNSUPPORTED_FEATURE.TEMPORARY_VIEW_WITH_SCHEMA_BINDING_MODE",
                    "The feature is not supported: Temporary views cannot be created with the WITH SCHEMA clause. "
                    "Recreate the temporary view when the underlying schema changes, or use a persisted view.",
                    {},
                    "0A000",
                    self.origin(start),
                )
            self.expect("COMMENT")
            self.string()
            if commented:
                said = "Found duplicate clauses: COMMENT. Please, remove one of them."
                parameters = {"clauseName": "COMMENT"}
                raise parse_error("DUPLICATE_CLAUSES", said, parameters, "42614", self.origin(start))
            commented = True

    def _has_types(self) -> bool:
        """Whether `(a INT, ...)` follows rather than `(a COMMENT 'x', b)`."""
        return self.is_name[self.i + 1] and self.is_name[self.i + 2] and self.kinds[self.i + 2] != "COMMENT"

    def _view_columns(self) -> list[tuple[str, str | None]]:
        """Names, with their comments."""

        def column() -> tuple[str, str | None]:
            name = self.name()
            return name, self.string() if self.accept("COMMENT") else None

        self.expect("(")
        columns = self.many(column)
        self.expect(")")
        return columns

    def _view_of_files(self, name: tuple[str, ...], replace: bool, is_global: bool) -> p.LogicalPlan:
        schema = None
        if self.accept("("):
            schema = StructType(tuple(self.many(self.column_definition)))
            self.expect(")")
        self.expect("USING")
        source = ".".join(self.dotted_name())
        options = self.properties() if self.accept("OPTIONS") else {}
        path = options.pop("path", None)
        read = p.ReadFiles(source, () if path is None else (path,), schema, options)
        return p.CreateView(read, name, replace, is_global)

    def _qualified_view(self, name: tuple[str, ...], start: int) -> SparkError:
        return parse_error(
            "INVALID_TEMP_OBJ_QUALIFIER",
            f"Temporary VIEW `{name[-1]}` cannot be qualified with `{'.'.join(name[:-1])}`. Temporary objects can only "
            "be qualified with SESSION or SYSTEM.SESSION.",
            {"objectType": "VIEW", "objectName": f"`{name[-1]}`", "qualifier": f"`{'.'.join(name[:-1])}`"},
            "42602",
            self.origin(start),
        )

    def _drop(self) -> p.LogicalPlan:
        # There are no tables but temporary views, which DROP TABLE drops as well.
        if self.peek() not in ("VIEW", "TABLE"):
            raise self._not_built()
        is_table = self.peek() == "TABLE"
        self.i += 2
        if_exists = self.accept_all("IF", "EXISTS")
        name = self.table_name()
        if is_table:
            # Whether files go to a trash: views have none.
            self.accept("PURGE")
        return p.DropView(name, if_exists)

    def _use(self) -> p.LogicalPlan:
        self.i += 1
        if self.kinds[self.i] in ("DATABASE", "SCHEMA", "NAMESPACE") and self.is_name[self.i + 1]:
            self.i += 1
        return p.UseDatabase(self.table_name())

    def table_name(self) -> tuple[str, ...]:
        """`a.b`, or IDENTIFIER('a.b')."""
        if self.kinds[self.i] == "IDENTIFIER" and self.kinds[self.i + 1] == "(":
            return identifier_clause(self)
        return self.dotted_name()

    def _set(self) -> p.LogicalPlan:
        following = self.peek()
        if following in ("CATALOG", "VAR", "VARIABLE") and self.is_name[self.i + 2]:
            raise self._not_built()
        if self.kinds[self.i + 1 : self.i + 3] == ["TIME", "ZONE"]:
            return self._set_time_zone()
        key, separator, value = self.rest_of_text(self.i + 1).partition("=")
        key = _configuration_text(key)
        if key == "-v":
            raise unsupported("SET -v")
        if key and not _KEY.fullmatch(key) and "`" not in self.rest_of_text(self.i + 1):
            raise self._bad_key(key)
        self.i = len(self.tokens.kinds) - 1
        if not key:
            if separator:
                raise self._bad_key(key)
            return p.SetCommand()
        return p.SetCommand(key, _configuration_text(value) if separator else None)

    def _bad_key(self, key: str) -> SparkError:
        return parse_error(
            "INVALID_SET_SYNTAX",
            "Expected format is 'SET', 'SET key', or 'SET key=value'. If you want to include special characters in "
            "key, or include semicolon in value, please use backquotes, e.g., SET `key`=`value`.",
            {},
            "42000",
            self.tokens.origin(self.i, len(self.kinds) - 2),
        )

    def _set_time_zone(self) -> p.LogicalPlan:
        self.i += 3
        if self.accept("LOCAL"):
            raise unsupported("SET TIME ZONE LOCAL", "Name the zone: SET TIME ZONE 'Europe/Vienna'.")
        if self.kinds[self.i] == STRING:
            zone = self.string()
        elif self.kinds[self.i] == "INTERVAL":
            offset = self.primary()
            if not isinstance(offset, Literal):
                raise self.failure()
            minutes = offset.value // 60_000_000
            sign = "-" if minutes < 0 else "+"
            zone = f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
        else:
            raise self.failure()
        return p.SetCommand("spark.sql.session.timeZone", zone)

    def _reset(self) -> p.LogicalPlan:
        key = _configuration_text(self.rest_of_text(self.i + 1))
        self.i = len(self.tokens.kinds) - 1
        return p.SetCommand(key or None, None, reset=True)

    def rest_of_text(self, index: int) -> str:
        """The statement's text from that token on: keys and values of settings are not tokens."""
        return self.tokens.text[self.tokens.starts[index] :].rstrip().rstrip(";").rstrip()

    def _show(self) -> p.LogicalPlan:
        what = self.peek()
        if what not in ("TABLES", "VIEWS"):
            raise self._not_built()
        self.i += 2
        namespace: tuple[str, ...] = ()
        if self.kinds[self.i] in ("FROM", "IN"):
            self.i += 1
            namespace = self.table_name()
        pattern = None
        if self.accept("LIKE") or self.kinds[self.i] == STRING:
            pattern = self.string()
        return p.ShowTables(namespace, pattern, what == "VIEWS")

    def _describe(self) -> p.LogicalPlan:
        following = self.peek()
        if following in ("FUNCTION", "DATABASE", "NAMESPACE", "SCHEMA", "CATALOG") and self.is_name[self.i + 2]:
            raise unsupported(f"DESCRIBE {following}")
        self.i += 1
        if following == "QUERY" and (self.query_starts(self.i + 1) or self.kinds[self.i + 1] == "("):
            self.i += 1
            return p.DescribeRelation(self.query())
        if self.query_starts(self.i) and following != "TABLE":
            return p.DescribeRelation(self.query())
        if following == "TABLE":
            self.i += 1
        if self.kinds[self.i] in ("EXTENDED", "FORMATTED") and self.is_name[self.i + 1]:
            raise unsupported(f"DESCRIBE TABLE {self.kinds[self.i]}")
        start = self.i
        relation = p.UnresolvedRelation(self.table_name(), origin=self.origin(start))
        if self.kinds[self.i] not in (END, ";"):
            raise unsupported("DESCRIBE TABLE of one column or partition")
        return p.DescribeRelation(relation)

    def _explain(self) -> p.LogicalPlan:
        self.i += 1
        mode = p.ExplainMode.SIMPLE
        kind = self.kinds[self.i]
        if kind in ("EXTENDED", "CODEGEN", "COST", "FORMATTED", "LOGICAL"):
            if kind == "LOGICAL":
                raise unsupported("EXPLAIN LOGICAL")
            mode = p.ExplainMode(kind.lower())
            self.i += 1
        self.deeper()
        plan = p.ExplainCommand(self.statement(), mode)
        self.depth -= 1
        return plan

    def _insert(self) -> p.LogicalPlan:
        start = self.i
        local = self.accept_all("INSERT", "OVERWRITE", "LOCAL", "DIRECTORY")
        if not local and not self.accept_all("INSERT", "OVERWRITE", "DIRECTORY"):
            raise self._not_built()
        path = self.string() if self.kinds[self.i] == STRING else None
        if self.kinds[self.i] in ("ROW", "STORED"):
            raise unsupported("INSERT OVERWRITE DIRECTORY ... STORED AS", "Write USING a format.")
        self.expect("USING")
        source = ".".join(self.dotted_name())
        options = self.properties() if self.accept("OPTIONS") else {}
        given = options.pop("path", None)
        if (path is None) == (given is None):
            raise parse_error(
                "_LEGACY_ERROR_TEMP_0049",
                "Directory path and 'path' in OPTIONS should be specified one, but not both.",
                {},
                "42000",
                self.origin(start),
            )
        path = given if path is None else path
        assert path is not None
        return p.WriteFiles(self.query(), source.lower(), path, p.SaveMode.OVERWRITE, (), options)


def _configuration_text(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text.startswith(QUOTED_NAME) and text.endswith(QUOTED_NAME):
        return text[1:-1].replace("``", "`")
    return text
