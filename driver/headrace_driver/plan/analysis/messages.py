# ruff: noqa: E501
"""The error conditions analysis raises, in Spark 4.2's words."""

from __future__ import annotations

import re

from headrace_driver.errors import NOWHERE, ErrorKind, Origin, SparkError

_PARAMETER = re.compile(r"<(\w+)>")


def error(error_class: str, origin: Origin = NOWHERE, /, **parameters: str) -> SparkError:
    """An AnalysisException of that class; `parameters` are quoted as Spark quotes them."""
    sql_state, template = TEMPLATES[error_class]
    message = _PARAMETER.sub(lambda found: parameters.get(found[1], found[0]), template)
    return SparkError(
        error_class,
        message,
        parameters,
        sql_state=sql_state,
        kind=ErrorKind.ANALYSIS,
        origins=(origin,) if origin is not NOWHERE else (),
    )


def requirement(text: str) -> SparkError:
    """What Spark checks by `require`, which has no error class: an IllegalArgumentException."""
    return SparkError(
        "ILLEGAL_ARGUMENT", f"requirement failed: {text}", sql_state="22023", kind=ErrorKind.ILLEGAL_ARGUMENT
    )


TEMPLATES: dict[str, tuple[str, str]] = {
    "ALL_PARTITION_COLUMNS_NOT_ALLOWED": ("KD005", "Cannot use all columns for partition columns."),
    "AGGREGATE_FUNCTION_WITH_NONDETERMINISTIC_EXPRESSION": (
        "42845",
        "Non-deterministic expression <sqlExpr> should not appear in the arguments of an aggregate function.",
    ),
    "AMBIGUOUS_COLUMN_REFERENCE": (
        "42702",
        'Column <name> is ambiguous. It\'s because you joined several DataFrame together, and some of these DataFrames are the same.\nThis column points to one of the DataFrames but Spark is unable to figure out which one.\nPlease alias the DataFrames with different names via `DataFrame.alias` before joining them,\nand specify the column using qualified name, e.g. `df.alias("a").join(df.alias("b"), col("a.id") > col("b.id"))`.',
    ),
    "AMBIGUOUS_LATERAL_COLUMN_ALIAS": ("42702", "Lateral column alias <name> is ambiguous and has <n> matches."),
    "AMBIGUOUS_REFERENCE": ("42704", "Reference <name> is ambiguous, could be: <referenceNames>."),
    "AMBIGUOUS_REFERENCE_TO_FIELDS": (
        "42000",
        "Ambiguous reference to the field <field>. It appears <count> times in the schema.",
    ),
    "ASSIGNMENT_ARITY_MISMATCH": (
        "42802",
        "The number of columns or variables assigned or aliased: <numTarget> does not match the number of source expressions: <numExpr>.",
    ),
    "CANNOT_MERGE_INCOMPATIBLE_DATA_TYPE": (
        "42825",
        "Failed to merge incompatible data types <left> and <right>. Please check the data types of the columns being merged and ensure that they are compatible. If necessary, consider casting the columns to compatible data types before attempting the merge.",
    ),
    "CANNOT_PARSE_INTERVAL": (
        "22006",
        "Unable to parse <intervalString>. Please ensure that the value provided is in a valid format for defining an interval. You can reference the documentation for the correct format. If the issue persists, please double check that the input value is not null or empty and try again.",
    ),
    "CANNOT_RESOLVE_DATAFRAME_COLUMN": (
        "42704",
        'Cannot resolve dataframe column <name>. It\'s probably because of illegal references like `df1.select(df2.col("a"))`.',
    ),
    "CANNOT_RESOLVE_STAR_EXPAND": (
        "42704",
        "Cannot resolve <targetString>.* given input columns <columns>. Please check that the specified table or struct exists and is accessible in the input columns.",
    ),
    "COLUMN_ALREADY_EXISTS": (
        "42711",
        "The column <columnName> already exists. Choose another name or rename the existing column.",
    ),
    "CONNECT_INVALID_PLAN.UNRESOLVED_COLUMN_AMONG_FIELD_NAMES": (
        "56K00",
        'The Spark Connect plan is invalid. Cannot resolve column name "<colName>" among (<fieldNames>).',
    ),
    "CREATE_VIEW_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS": (
        "21S01",
        "Cannot create view <viewName>, the reason is not enough data columns:\nView columns: <viewColumns>.\nData columns: <dataColumns>.",
    ),
    "CREATE_VIEW_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS": (
        "21S01",
        "Cannot create view <viewName>, the reason is too many data columns:\nView columns: <viewColumns>.\nData columns: <dataColumns>.",
    ),
    "DATATYPE_MISMATCH.CANNOT_DROP_ALL_FIELDS": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: Cannot drop all fields in struct.",
    ),
    "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: cannot cast <srcType> to <targetType>.",
    ),
    "DATATYPE_MISMATCH.CAST_WITH_CONF_SUGGESTION": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: cannot cast <srcType> to <targetType> with ANSI mode on.\nIf you have to cast <srcType> to <targetType>, you can set <config> as <configVal>.",
    ),
    "DATATYPE_MISMATCH.CAST_WITH_FUNC_SUGGESTION": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: cannot cast <srcType> to <targetType>.\nTo convert values from <srcType> to <targetType>, you can use the functions <functionNames> instead.",
    ),
    "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: Filter expression <filter> of type <type> is not a boolean.",
    ),
    "DATATYPE_MISMATCH.INVALID_ORDERING_TYPE": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: The <functionName> does not support ordering on type <dataType>.",
    ),
    "DATATYPE_MISMATCH.IN_SUBQUERY_DATA_TYPE_MISMATCH": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: The data type of one or more elements in the left hand side of an IN subquery is not compatible with the data type of the output of the subquery. Mismatched columns: [<mismatchedColumns>], left side: [<leftType>], right side: [<rightType>].",
    ),
    "DATATYPE_MISMATCH.IN_SUBQUERY_LENGTH_MISMATCH": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: The number of columns in the left hand side of an IN subquery does not match the number of columns in the output of subquery. Left hand side columns(length: <leftLength>): [<leftColumns>], right hand side columns(length: <rightLength>): [<rightColumns>].",
    ),
    "DATATYPE_MISMATCH.PARAMETER_CONSTRAINT_VIOLATION": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: The <leftExprName>(<leftExprValue>) must be <constraint> the <rightExprName>(<rightExprValue>).",
    ),
    "DATATYPE_MISMATCH.RANGE_FRAME_MULTI_ORDER": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: A range window frame with value boundaries cannot be used in a window specification with multiple order by expressions: <orderSpec>.",
    ),
    "DATATYPE_MISMATCH.RANGE_FRAME_WITHOUT_ORDER": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: A range window frame cannot be used in an unordered window specification.",
    ),
    "DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_UNACCEPTED_TYPE": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: The data type of the <location> bound <exprType> does not match the expected data type <expectedType>.",
    ),
    "DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_WRONG_COMPARISON": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: The lower bound of a window frame must be <comparison> to the upper bound.",
    ),
    "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: The <paramIndex> parameter requires the <requiredType> type, however <inputSql> has the type <inputType>.",
    ),
    "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE": (
        "42K09",
        "Cannot resolve <sqlExpr> due to data type mismatch: The <exprName> must be between <valueRange> (current value = <currentValue>).",
    ),
    "DISTINCT_WINDOW_FUNCTION_UNSUPPORTED": ("0A000", "Distinct window functions are not supported: <windowExpr>."),
    "INVALID_AGGREGATE_FILTER.NOT_BOOLEAN": (
        "42903",
        "The FILTER expression <filterExpr> in an aggregate function is invalid. Expected a FILTER expression of the BOOLEAN type.",
    ),
    "INVALID_AGGREGATE_FILTER.NON_DETERMINISTIC": (
        "42903",
        "The FILTER expression <filterExpr> in an aggregate function is invalid. Expected a deterministic FILTER expression.",
    ),
    "INVALID_RECURSIVE_CTE": (
        "42836",
        "Invalid recursive definition found. Recursive queries must contain an UNION or an UNION ALL statement with 2 children. The first child needs to be the anchor term without any recursive references. Any top level inner CTE must not contain self references.",
    ),
    "INVALID_RECURSIVE_REFERENCE.PLACE": (
        "42836",
        "Invalid recursive reference found inside WITH RECURSIVE clause. Recursive references cannot be used on the right side of left outer/semi/anti joins, on the left side of right outer joins, in full outer joins, in aggregates, window functions or sorts",
    ),
    "UNION_NOT_SUPPORTED_IN_RECURSIVE_CTE": (
        "42836",
        "The UNION operator is not yet supported within recursive common table expressions (WITH clauses that refer to themselves, directly or indirectly). Please use UNION ALL instead.",
    ),
    "DUPLICATED_MAP_KEY": (
        "23505",
        'Duplicate map key <key> was found, please check the input data.\nIf you want to remove the duplicated keys, you can set <mapKeyDedupPolicy> to "LAST_WIN" so that the key inserted at last takes precedence.',
    ),
    "DUPLICATED_CTE_NAMES": ("42602", "CTE definition can't have duplicate names: <duplicateNames>."),
    "FAILED_TO_PARSE_TOO_COMPLEX": (
        "54001",
        "The statement, including potential SQL functions and referenced views, was too complex to parse.\nTo mitigate this error divide the statement into multiple, less complex chunks.",
    ),
    "FIELD_NOT_FOUND": ("42704", "No such struct field <fieldName> in <fields>."),
    "GROUPING_COLUMN_MISMATCH": (
        "42803",
        "Column of grouping (<grouping>) can't be found in grouping columns <groupingColumns>.",
    ),
    "GROUPING_ID_COLUMN_MISMATCH": (
        "42803",
        "Columns of grouping_id (<groupingIdColumn>) does not match grouping columns (<groupByColumns>).",
    ),
    "GROUP_BY_AGGREGATE": ("42903", "Aggregate functions are not allowed in GROUP BY, but found <sqlExpr>."),
    "GROUP_BY_POS_AGGREGATE": (
        "42903",
        "GROUP BY <index> refers to an expression <aggExpr> that contains an aggregate function. Aggregate functions are not allowed in GROUP BY.",
    ),
    "GROUP_BY_POS_OUT_OF_RANGE": (
        "42805",
        "GROUP BY position <index> is not in select list (valid range is [1, <size>]).",
    ),
    "GROUP_EXPRESSION_TYPE_IS_NOT_ORDERABLE": (
        "42822",
        "The expression <sqlExpr> cannot be used as a grouping expression because its data type <dataType> is not an orderable data type.",
    ),
    "INCOMPATIBLE_COLUMN_TYPE": (
        "42825",
        "<operator> can only be performed on tables with compatible column types. The <columnOrdinalNumber> column of the <tableOrdinalNumber> table is <dataType1> type which is not compatible with <dataType2> at the same column of the first table.<hint>.",
    ),
    "INTERNAL_ERROR": ("XX000", "<message>"),
    "INVALID_COLUMN_OR_FIELD_DATA_TYPE": (
        "42000",
        "Column or field <name> is of type <type> while it's required to be <expectedType>.",
    ),
    "INVALID_EXTRACT_BASE_FIELD_TYPE": (
        "42000",
        "Can't extract a value from <base>. Need a complex type [STRUCT, ARRAY, MAP] but got <other>.",
    ),
    "INVALID_EXTRACT_FIELD_TYPE": ("42000", "Field name should be a non-null string literal, but it's <extraction>."),
    "INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE": (
        "42000",
        "Invalid inline table. Found incompatible types in the column <colName> for inline table.",
    ),
    "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH": (
        "42000",
        "Invalid inline table. Inline table expected <expectedNumCols> columns but found <actualNumCols> columns in row <rowIndex>.",
    ),
    "INVALID_LAMBDA_FUNCTION_CALL.DUPLICATE_ARG_NAMES": (
        "42K0D",
        'Invalid lambda function call. The lambda function has duplicate arguments <args>. Please, consider to rename the argument names or set <caseSensitiveConfig> to "true".',
    ),
    "INVALID_LAMBDA_FUNCTION_CALL.NON_HIGHER_ORDER_FUNCTION": (
        "42K0D",
        "Invalid lambda function call. A lambda function should only be used in a higher order function. However, its class is <class>, which is not a higher order function.",
    ),
    "INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH": (
        "42K0D",
        "Invalid lambda function call. A higher order function expects <expectedNumArgs> arguments, but got <actualNumArgs>.",
    ),
    "INVALID_LATERAL_JOIN_TYPE": (
        "42613",
        "The <joinType> JOIN with LATERAL correlation is not allowed because an OUTER subquery cannot correlate to its join partner. Remove the LATERAL correlation or use an INNER JOIN, or LEFT OUTER JOIN instead.",
    ),
    "INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE": (
        "42K0E",
        "The limit like expression <expr> is invalid. The <name> expression must be integer type, but got <dataType>.",
    ),
    "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE": (
        "42K0E",
        "The limit like expression <expr> is invalid. The <name> expression must be equal to or greater than 0, but got <v>.",
    ),
    "INVALID_LIMIT_LIKE_EXPRESSION.IS_NULL": (
        "42K0E",
        "The limit like expression <expr> is invalid. The evaluated <name> expression must not be null.",
    ),
    "INVALID_LIMIT_LIKE_EXPRESSION.IS_UNFOLDABLE": (
        "42K0E",
        "The limit like expression <expr> is invalid. The <name> expression must evaluate to a constant value.",
    ),
    "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX": (
        "42000",
        "Invalid SQL syntax: The function <prettyName> does not support <syntax>.",
    ),
    "INVALID_SUBQUERY_EXPRESSION.SCALAR_SUBQUERY_RETURN_MORE_THAN_ONE_OUTPUT_COLUMN": (
        "42823",
        "Invalid subquery: Scalar subquery must return only one column, but got <number>.",
    ),
    "INVALID_USAGE_OF_STAR_OR_REGEX": ("42000", "Invalid usage of <elem> in <prettyName>."),
    "INVALID_USAGE_OF_STAR_WITH_TABLE_IDENTIFIER_IN_COUNT": (
        "42000",
        "count(<tableName>.*) is not allowed. Use count(*) or expand the columns manually, e.g. count(col1, col2).",
    ),
    "INVALID_WHERE_CONDITION": (
        "42903",
        "The WHERE condition <condition> contains invalid expressions: <expressionList>.\nRewrite the query to avoid window functions, aggregate functions, and generator functions in the WHERE clause.",
    ),
    "JOIN_CONDITION_IS_NOT_BOOLEAN_TYPE": (
        "42K0E",
        'The join condition <joinCondition> has the invalid type <conditionType>, expected "BOOLEAN".',
    ),
    "MISSING_AGGREGATION": (
        "42803",
        "The non-aggregating expression <expression> is based on columns which are not participating in the GROUP BY clause.\nAdd the columns or the expression to the GROUP BY, aggregate the expression, or use <expressionAnyValue> if you do not care which of the values within a group is returned.",
    ),
    "MISSING_GROUP_BY": (
        "42803",
        "The query does not include a GROUP BY clause. Add GROUP BY or turn it into the window functions using OVER clauses.",
    ),
    "NAMED_PARAMETERS_NOT_SUPPORTED": (
        "4274K",
        (
            "Named parameters are not supported for function <functionName>; please retry the query with positional "
            "arguments to the function call instead."
        ),
    ),
    "UNEXPECTED_POSITIONAL_ARGUMENT": (
        "4274K",
        (
            "Cannot invoke routine <routineName> because it contains positional argument(s) following the named argument "
            "assigned to <parameterName>; please rearrange them so the positional arguments come first and then retry the "
            "query again."
        ),
    ),
    "DUPLICATE_ROUTINE_PARAMETER_ASSIGNMENT.BOTH_POSITIONAL_AND_NAMED": (
        "4274K",
        (
            "Call to routine <routineName> is invalid because it includes multiple argument assignments to the same "
            "parameter name <parameterName>. A positional argument and named argument both referred to the same parameter. "
            "Please remove the named argument referring to this parameter."
        ),
    ),
    "DUPLICATE_ROUTINE_PARAMETER_ASSIGNMENT.DOUBLE_NAMED_ARGUMENT_REFERENCE": (
        "4274K",
        (
            "Call to routine <routineName> is invalid because it includes multiple argument assignments to the same "
            "parameter name <parameterName>. More than one named argument referred to the same parameter. Please assign a "
            "value only once."
        ),
    ),
    "UNRECOGNIZED_PARAMETER_NAME": (
        "4274K",
        (
            "Cannot invoke routine <routineName> because the routine call included a named argument reference for the "
            "argument named <argumentName>, but this routine does not include any signature containing an argument with "
            "this name. Did you mean one of the following? [<proposal>]."
        ),
    ),
    "REQUIRED_PARAMETER_NOT_FOUND": (
        "4274K",
        (
            "Cannot invoke routine <routineName> because the parameter named <parameterName> is required, but the routine "
            "call did not supply a value. Please update the routine call to supply an argument value (either positionally "
            "at index <index> or by name) and retry the query again."
        ),
    ),
    "QUALIFY_REQUIRES_WINDOW_FUNCTION": (
        "42903",
        "The QUALIFY clause requires at least one window function in the SELECT list or the QUALIFY clause.",
    ),
    "MULTI_ALIAS_WITHOUT_GENERATOR": (
        "42K0E",
        "Multi part aliasing (<names>) is not supported with <expr> as it is not a generator function.",
    ),
    "NESTED_AGGREGATE_FUNCTION": (
        "42607",
        "It is not allowed to use an aggregate function in the argument of another aggregate function. Please use the inner aggregate function in a sub-query.",
    ),
    "NON_LITERAL_PIVOT_VALUES": ("42K08", "Literal expressions required for pivot values, found <expression>."),
    "NULLABLE_COLUMN_OR_FIELD": ("42000", "Column or field <name> is nullable while it's required to be non-nullable."),
    "NUM_COLUMNS_MISMATCH": (
        "42826",
        "<operator> can only be performed on inputs with the same number of columns, but the first input has <firstNumColumns> columns and the <invalidOrdinalNum> input has <invalidNumColumns> columns.",
    ),
    "ORDER_BY_POS_OUT_OF_RANGE": (
        "42805",
        "ORDER BY position <index> is not in select list (valid range is [1, <size>]).",
    ),
    "PARTITION_COLUMN_NOT_FOUND_IN_SCHEMA": (
        "42000",
        "Partition column <column> not found in schema <schema>. Please provide the existing column for partitioning.",
    ),
    "SCALAR_SUBQUERY_IS_IN_GROUP_BY_OR_AGGREGATE_FUNCTION": (
        "0A000",
        "The correlated scalar subquery '<sqlExpr>' is neither present in GROUP BY, nor in an aggregate function.\nAdd it to GROUP BY using ordinal position or wrap it in `first()` (or `first_value`) if you don't care which value you get.",
    ),
    "TABLE_OR_VIEW_NOT_FOUND": (
        "42P01",
        "The table or view <relationName> cannot be found. Verify the spelling and correctness of the schema and catalog.\nSearch path: <searchPath>.\nIf you did not qualify the name with a schema, verify the current_schema() output, or qualify the name with the correct schema and catalog.\nTo tolerate the error on drop use DROP VIEW IF EXISTS or DROP TABLE IF EXISTS.",
    ),
    "UDTF_ALIAS_NUMBER_MISMATCH": (
        "42802",
        "The number of aliases supplied in the AS clause does not match the number of columns output by the UDTF.\nExpected <aliasesSize> aliases, but got <aliasesNames>.\nPlease ensure that the number of aliases provided matches the number of columns output by the UDTF.",
    ),
    "UNPIVOT_REQUIRES_ATTRIBUTES": (
        "42K0A",
        "UNPIVOT requires all given <given> expressions to be columns when no <empty> expressions are given. These are not columns: [<expressions>].",
    ),
    "UNPIVOT_REQUIRES_VALUE_COLUMNS": (
        "42K0A",
        "At least one value column needs to be specified for UNPIVOT, all columns specified as ids.",
    ),
    "UNPIVOT_VALUE_DATA_TYPE_MISMATCH": (
        "42K09",
        "Unpivot value columns must share a least common type, some types do not: [<types>].",
    ),
    "UNPIVOT_VALUE_SIZE_MISMATCH": (
        "428C4",
        "All unpivot value columns must have the same size as there are value column names (<names>).",
    ),
    "UNRECOGNIZED_STATISTIC": (
        "42704",
        "The statistic <stats> is not recognized. Valid statistics include `count`, `count_distinct`, `approx_count_distinct`, `mean`, `stddev`, `min`, `max`, and percentile values. Percentile must be a numeric value followed by '%', within the range 0% to 100%.",
    ),
    "UNRESOLVABLE_TABLE_VALUED_FUNCTION": (
        "42883",
        "Could not resolve <name> to a table-valued function.\nPlease make sure that <name> is defined as a table-valued function and that all required parameters are provided correctly.\nIf <name> is not defined, please create the table-valued function before using it.\nFor more information about defining table-valued functions, please refer to the Apache Spark documentation.",
    ),
    "UNRESOLVED_ALL_IN_GROUP_BY": (
        "42803",
        "Cannot infer grouping columns for GROUP BY ALL based on the select clause. Please explicitly specify the grouping columns.",
    ),
    "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION": (
        "42703",
        "A column, variable, or function parameter with name <objectName> cannot be resolved.",
    ),
    "UNRESOLVED_COLUMN.WITH_SUGGESTION": (
        "42703",
        "A column, variable, or function parameter with name <objectName> cannot be resolved. Did you mean one of the following? [<proposal>].",
    ),
    "UNRESOLVED_COLUMN_AMONG_FIELD_NAMES": ("42703", 'Cannot resolve column name "<colName>" among (<fieldNames>).'),
    "UNRESOLVED_ROUTINE": ("42883", "Cannot resolve routine <routineName> on search path <searchPath>."),
    "UNRESOLVED_USING_COLUMN_FOR_JOIN": (
        "42703",
        "USING column <colName> cannot be resolved on the <side> side of the join. The <side>-side columns: [<suggestion>].",
    ),
    "UNSUPPORTED_EXPR_FOR_OPERATOR": (
        "42K0E",
        "A query operator contains one or more unsupported expressions.\nConsider to rewrite it to avoid window functions, aggregate functions, and generator functions in the WHERE clause.\nInvalid expressions: [<invalidExprSqls>]",
    ),
    "UNSUPPORTED_EXPR_FOR_WINDOW": ("42P20", "Expression <sqlExpr> not supported within a window function."),
    "UNSUPPORTED_FEATURE.LATERAL_COLUMN_ALIAS_IN_AGGREGATE_FUNC": (
        "0A000",
        "The feature is not supported: Referencing a lateral column alias <lca> in the aggregate function <aggFunc>.",
    ),
    "UNSUPPORTED_FEATURE.LATERAL_COLUMN_ALIAS_IN_WINDOW": (
        "0A000",
        "The feature is not supported: Referencing a lateral column alias <lca> in window expression <windowExpr>.",
    ),
    "UNSUPPORTED_FEATURE.LATERAL_JOIN_USING": (
        "0A000",
        "The feature is not supported: JOIN USING with LATERAL correlation.",
    ),
    "UNSUPPORTED_FEATURE.SET_OPERATION_ON_MAP_TYPE": (
        "0A000",
        "The feature is not supported: Cannot have MAP type columns in DataFrame which calls set operations (INTERSECT, EXCEPT, etc.), but the type of column <colName> is <dataType>.",
    ),
    "UNSUPPORTED_FEATURE.SET_OPERATION_ON_VARIANT_TYPE": (
        "0A000",
        "The feature is not supported: Cannot have VARIANT type columns in DataFrame which calls set operations (INTERSECT, EXCEPT, etc.), but the type of column <colName> is <dataType>.",
    ),
    "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS": (
        "42K0E",
        "The generator is not supported: nested in expressions <expression>.",
    ),
    "UNSUPPORTED_GENERATOR.NOT_GENERATOR": (
        "42K0E",
        "The generator is not supported: <functionName> is expected to be a generator. However, its class is <classCanonicalName>, which is not a generator.",
    ),
    "UNSUPPORTED_GENERATOR.OUTSIDE_SELECT": (
        "42K0E",
        "The generator is not supported: outside the SELECT clause, found: <plan>.",
    ),
    "UNSUPPORTED_GROUPING_EXPRESSION": (
        "42K0E",
        "grouping()/grouping_id() can only be used with GroupingSets/Cube/Rollup.",
    ),
    "UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY.HIGHER_ORDER_FUNCTION": (
        "0A000",
        "Unsupported subquery expression: Subquery expressions are not supported within higher-order functions. Please remove all subquery expressions from higher-order functions and then try the query again.",
    ),
    "WINDOW_FUNCTION_FRAME_NOT_ORDERED": (
        "42601",
        "Window function <wf_name> requires the window to be ordered. You need to add an ORDER BY clause. For example: SELECT <wf_expr> OVER (PARTITION BY window_partition ORDER BY window_ordering) FROM table.",
    ),
    "WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE": (
        "42601",
        "It is not allowed to use window functions inside <clauseName> clause.",
    ),
    "WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE": ("42601", "Window function <funcName> requires an OVER clause."),
    "WRONG_NUM_ARGS.WITHOUT_SUGGESTION": (
        "42605",
        "The <functionName> requires <expectedNum> parameters but the actual number is <actualNum>. Please, refer to '<docroot>/sql-ref-functions.html' for a fix.",
    ),
    "_LEGACY_ERROR_TEMP_1031": (
        "",
        "It is not allowed to use a window function inside an aggregate function. Please use the inner window function in a sub-query.",
    ),
    "_LEGACY_ERROR_TEMP_1035": ("", "Cannot specify window frame for <prettyName> function."),
    "_LEGACY_ERROR_TEMP_1036": ("", "Window Frame <wf> must match the required frame <required>."),
    "_LEGACY_ERROR_TEMP_1039": (
        "",
        "Multiple time/session window expressions would result in a cartesian product of rows, therefore they are currently not supported.",
    ),
    "_LEGACY_ERROR_TEMP_1046": (
        "",
        "Join strategy hint parameter should be an identifier or string but was <unsupported> (<class>).",
    ),
    "_LEGACY_ERROR_TEMP_1047": (
        "",
        "<hintName> Hint parameters should include an optional integral partitionNum and/or columns, but <invalidParams> can not be recognized as either partitionNum or columns.",
    ),
    "_LEGACY_ERROR_TEMP_1048": ("", "<hintName> Hint expects a partition number as a parameter."),
    "_LEGACY_ERROR_TEMP_1050": ("", "Can only star expand struct data types. Attribute: `<attributes>`."),
    "_LEGACY_ERROR_TEMP_1006": (
        "",
        "Aggregate expression required for pivot, but '<sql>' did not appear in any aggregate function.",
    ),
    "_LEGACY_ERROR_TEMP_1324": (
        "",
        "The pivot column <pivotColumn> has more than <maxValues> distinct values, this could indicate an error. If this was intended, set <config> to at least the number of distinct values of the pivot column.",
    ),
    "_LEGACY_ERROR_TEMP_3231": ("", "Intervals greater than a month is not supported (<interval>)."),
}
"""Error class to SQLSTATE and message template; the texts are those of Spark's error-conditions.json."""
