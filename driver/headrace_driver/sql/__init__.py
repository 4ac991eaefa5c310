"""The SQL front: Spark SQL text to unresolved trees.

The grammar is Spark's own, written as recursive descent over operator precedence, because meaning hangs on it: in
Spark `5 | 1 & 2` groups to the right, `a = b LIKE c` compares first, `a, b JOIN c ON a.x = c.x` may name all three
tables, no word is reserved, and a tree made by another dialect's rules would answer wrongly without a word.
"""

from headrace_driver.sql.names import parse_name
from headrace_driver.sql.parse import parse_data_type, parse_expression, parse_schema, parse_statement

__all__ = ["parse_data_type", "parse_expression", "parse_name", "parse_schema", "parse_statement"]
