"""What statements may do: read and write the tables of this server, and nothing else on this machine or any other.

The engine itself refuses what its grants and its constraints of settings can express. The rest is refused by the
statement's text as the engine's own parser writes it: without comments, escapes or a second statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

GRANTS = "SHOW, SELECT, INSERT, CREATE DATABASE, CREATE TABLE, DROP DATABASE, DROP TABLE, TRUNCATE, OPTIMIZE"
GRANTS += ", ALTER COLUMN, ALTER UPDATE, ALTER DELETE, ALTER TTL, ALTER INDEX, ALTER CONSTRAINT, ALTER RENAME COLUMN"
"""No source: neither files nor addresses nor commands nor other servers; no functions, users, dictionaries, backups."""

DEFAULTS = {
    "max_threads": "2",
    "max_execution_time": "60",
    "max_result_bytes": "268435456",
    "result_overflow_mode": "throw",
    "max_query_size": "8388608",
    "allow_python_table_function": "0",
    "input_format_values_interpret_expressions": "0",
    "input_format_values_deduce_templates_of_expressions": "0",
}
"""Settings of every statement: one must not take the whole machine, and rows hold values, not expressions."""

CHANGEABLE = frozenset(
    """
    async_insert wait_for_async_insert insert_deduplicate insert_deduplication_token deduplicate_insert
    max_threads max_insert_threads max_block_size max_insert_block_size max_partitions_per_insert_block
    max_execution_time timeout_overflow_mode max_memory_usage max_result_rows max_result_bytes result_overflow_mode
    max_rows_to_read max_bytes_to_read read_overflow_mode readonly database
    mutations_sync alter_sync lightweight_deletes_sync optimize_throw_if_noop log_comment
    final join_use_nulls group_by_use_nulls session_timezone date_time_input_format date_time_output_format
    output_format_json_quote_64bit_integers output_format_binary_write_json_as_string
    input_format_binary_read_json_as_string input_format_skip_unknown_fields
    input_format_null_as_default allow_experimental_json_type
    """.split()
)
"""Settings that a request or a statement may change; the others can name files and addresses, or another language."""

STATEMENTS = frozenset(
    "SELECT WITH SHOW DESCRIBE EXISTS EXPLAIN CHECK INSERT CREATE ALTER DROP TRUNCATE RENAME EXCHANGE OPTIMIZE DELETE"
    " UPDATE".split()
)
"""First words of what may be run."""

ENGINES = {"Atomic", "Memory", "Null", "Log", "TinyLog", "StripeLog", "MergeTree"}
ENGINES |= {f"{kind}MergeTree" for kind in ("Replacing", "Summing", "Aggregating", "Collapsing", "VersionedCollapsing")}
"""Engines of tables and databases that keep their data in the server's own folder."""

SOURCES = {"numbers", "numbers_mt", "zeros", "zeros_mt", "primes", "generateSeries", "generate_series", "generateRandom"}
SOURCES |= {"values", "view", "merge", "null", "format"}
"""Table functions that read nothing but the server's own tables; every other that the engine knows is refused, and `disk`, by
which a table names its own folder."""

FUNCTIONS = {"file"}
"""Functions that are refused beside those of language models: this one reads files."""

_TOKEN = re.compile(
    r"(?P<text>'(?:[^'\\]|\\.)*')|(?P<quoted>`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\")|(?P<word>\w+)|(?P<sign>\S)", re.DOTALL
)


def users(settings: Iterable[str]) -> str:
    """The configuration of the engine's only user; `settings` are all settings that the engine has."""
    given = "".join(f"<{name}>{value}</{name}>" for name, value in DEFAULTS.items())
    fixed = sorted({*settings, "merge_tree_disk", "merge_tree_storage_policy", "merge_tree_table_disk"} - CHANGEABLE)
    constraints = "".join(f"<{name}><const/></{name}>" for name in fixed if re.fullmatch(r"[a-z_]\w*", name))
    return f"""<clickhouse>
<profiles><default>{given}<constraints>{constraints}</constraints></default></profiles>
<quotas><default/></quotas>
<users><default>
<password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
<grants><query>GRANT {GRANTS} ON *.*</query></grants>
</default></users>
</clickhouse>
"""


def refusal(statement: str, functions: frozenset[str], sources: frozenset[str]) -> str | None:
    """Why a statement, as the engine's parser writes it, is refused; None when it is not.

    `functions` may not be named at all: one can be handed to another as an argument. `sources` may not be called; their
    names may be those of columns. Both are in lower case.
    """
    tokens = [(found.lastgroup, found.group()) for found in _TOKEN.finditer(statement)]
    first = next((text.upper() for kind, text in tokens if kind == "word"), "")
    if first not in STATEMENTS:
        return f"{first or 'this'} is not among the statements that are run here"
    end = ("sign", "")
    for (kind, text), (_, after), (_, second) in zip(tokens, [*tokens[1:], end], [*tokens[2:], end, end]):
        if kind in ("text", "sign"):
            if (text, after, second) == (":", "Identifier", "}"):
                return "a parameter that is an identifier could name anything: write the name into the statement"
            continue
        name = text.strip('`"')
        if name.lower() in functions or (after == "(" and (name.lower() in sources or "\\" in name)):
            return f"the function {name} is not to be had here"
        if (text, after) in (("INTO", "OUTFILE"), ("FROM", "INFILE")):
            return f"{text} {after} is refused: nothing here writes or reads files"
        if (text, after) == ("ENGINE", "=") and second.strip('`"') not in ENGINES:
            return f"the engine {second} is not to be had here"
    return None
