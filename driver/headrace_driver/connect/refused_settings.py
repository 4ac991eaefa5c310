"""Settings of Spark's that change answers and that this engine does not follow: they are refused, never ignored.

Setting one to its default is fine, since that is what the engine does. Settings that only tune Spark are kept and
given back without a word.
"""

from __future__ import annotations

from headrace_driver.connect.spark_settings import DEFAULTS
from headrace_driver.errors import SparkError, unsupported

_LEGACY = "spark.sql.legacy."
_CATALOGS = "spark.sql.catalog."
_ANALYZER = "spark.sql.analyzer."
"""Switches back to what earlier analyzers did wrong, as the legacy ones."""
_TUNES_ANALYSIS = (
    "spark.sql.analyzer.maxIterations",
    "spark.sql.analyzer.canonicalization.",
    "spark.sql.analyzer.singlePassResolver.",
)
_FOLLOWED_LEGACY = frozenset(
    {
        "spark.sql.legacy.allowParameterlessCount",
        "spark.sql.legacy.allowStarWithSingleTableIdentifierInCount",
    }
)

CHANGES_ANSWERS = frozenset(
    {
        # What expressions mean.
        "spark.sql.ansi.enabled",
        "spark.sql.collation.allowInMapKeys",
        "spark.sql.decimalOperations.allowPrecisionLoss",
        "spark.sql.function.concatBinaryAsString",
        "spark.sql.function.eltOutputAsString",
        "spark.sql.mapKeyDedupPolicy",
        "spark.sql.storeAssignmentPolicy",
        "spark.sql.chunkBase64String.enabled",
        "spark.sql.timestampType",
        "spark.sql.datetime.java8API.enabled",
        "spark.sql.charAsVarchar",
        "spark.sql.preserveCharVarcharTypeInfo",
        "spark.sql.readSideCharPadding",
        "spark.sql.binaryOutputStyle",
        "spark.sql.files.supportSecondOffsetFormat",
        "spark.sql.icu.caseMappings.enabled",
        "spark.sql.optimizer.decorrelateExistsSubqueryLegacyIncorrectCountHandling.enabled",
        "spark.sql.optimizer.decorrelateSubqueryLegacyIncorrectCountHandling.enabled",
        "spark.sql.optimizer.decorrelateSubqueryPreventConstantHoldingForCountBug.enabled",
        "spark.sql.optimizer.metadataOnly",
        "spark.sql.timeType.enabled",
        "spark.sql.variant.allowDuplicateKeys",
        "spark.sql.variant.validateUnicodeInJsonParsing",
        # What a statement means.
        "spark.sql.allowNamedFunctionArguments",
        "spark.sql.analyzer.failAmbiguousSelfJoin",
        "spark.sql.ansi.doubleQuotedIdentifiers",
        "spark.sql.ansi.enforceReservedKeywords",
        "spark.sql.ansi.relationPrecedence",
        "spark.sql.collation.objectLevel.enabled",
        "spark.sql.collation.schemaLevel.enabled",
        "spark.sql.crossJoin.enabled",
        "spark.sql.defaultCatalog",
        "spark.sql.defaultPath",
        "spark.sql.functionResolution.sessionOrder",
        "spark.sql.lateralColumnAlias.enableImplicitResolution",
        "spark.sql.listagg.allowDistinctCastWithOrder.enabled",
        "spark.sql.operatorPipeSyntaxEnabled",
        "spark.sql.parser.escapedStringLiterals",
        "spark.sql.parser.singleCharacterPipeOperator.enabled",
        "spark.sql.path.enabled",
        "spark.sql.pivotMaxValues",
        "spark.sql.prioritizeOrdinalResolutionInSort.enabled",
        "spark.sql.retainGroupColumns",
        "spark.sql.runSQLOnFiles",
        "spark.sql.selfJoinAutoResolveAmbiguity",
        "spark.sql.stableDerivedColumnAlias.enabled",
        "spark.sql.transposeMaxValues",
        # What is not to be seen.
        "spark.sql.redaction.options.regex",
        "spark.sql.redaction.string.regex",
        # What a file holds.
        "spark.sql.csv.parser.columnPruning.enabled",
        "spark.sql.files.ignoreCorruptFiles",
        "spark.sql.files.ignoreInvalidPartitionPaths",
        "spark.sql.files.ignoreMissingFiles",
        "spark.sql.json.enablePartialResults",
        "spark.sql.json.enableExactStringParsing",
        "spark.sql.jsonGenerator.writeNullIfWithDefaultValue",
        "spark.sql.parquet.binaryAsString",
        "spark.sql.parquet.datetimeRebaseModeInRead",
        "spark.sql.parquet.datetimeRebaseModeInWrite",
        "spark.sql.parquet.fieldId.read.enabled",
        "spark.sql.parquet.fieldId.write.enabled",
        "spark.sql.parquet.inferTimestampNTZ.enabled",
        "spark.sql.parquet.int96AsTimestamp",
        "spark.sql.parquet.int96RebaseModeInRead",
        "spark.sql.parquet.int96RebaseModeInWrite",
        "spark.sql.parquet.int96TimestampConversion",
        "spark.sql.parquet.outputTimestampType",
        "spark.sql.parquet.ignoreVariantAnnotation",
        "spark.sql.parquet.reader.respectUnknownTypeAnnotation.enabled",
        "spark.sql.parquet.respectSummaryFiles",
        "spark.sql.parquet.writeLegacyFormat",
        "spark.sql.sources.validatePartitionColumns",
    }
)
"""By subject; `spark.sql.legacy.*` and `spark.sql.analyzer.*` besides, but for those that are followed or tune."""


def refuse_unfollowed(key: str, value: str) -> None:
    """Raises for a value other than the default of a setting that would change answers and is not followed."""
    if key.startswith(_CATALOGS) and value != DEFAULTS.get(key):
        raise unsupported(f"catalog plugins (the setting {key} = {value})", "Files are read and written by path.")
    if not is_refused(key):
        return
    default = DEFAULTS.get(key)
    if default is not None and value.strip().lower() == default.lower():
        return
    only = f"Only its default, {default}, is." if default is not None else "It must stay unset."
    raise unsupported(f"the setting {key} = {value}", only)


def is_refused(key: str) -> bool:
    """Whether a setting may have its default only."""
    is_old = (
        key.startswith((_LEGACY, _ANALYZER)) and key not in _FOLLOWED_LEGACY and not key.startswith(_TUNES_ANALYSIS)
    )
    return is_old or key in CHANGES_ANSWERS


def is_refusal(error: SparkError) -> bool:
    """Whether an error is one that must reach a caller who asked for warnings only: answers would be others."""
    return error.error_class == "UNSUPPORTED_FEATURE.HEADRACE"
