"""What statements may do: read and write the tables of this server, and nothing else on this machine or any other.

The engine refuses what its grants and its constraints on settings can express. The rest is refused by the text of the
statement as the engine's parser formats it: without comments, escapes or a second statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

GRANTS = "SHOW, SELECT, INSERT, CREATE DATABASE, CREATE TABLE, DROP DATABASE, DROP TABLE, TRUNCATE, OPTIMIZE"
GRANTS += ", ALTER COLUMN, ALTER UPDATE, ALTER DELETE, ALTER TTL, ALTER INDEX, ALTER CONSTRAINT, ALTER RENAME COLUMN"
"""No grant on sources (files, URLs, commands, other servers), functions, users, dictionaries or backups."""

DEFAULT_SETTINGS = {
    "max_threads": "2",
    "max_execution_time": "60",
    "max_result_bytes": "268435456",
    "result_overflow_mode": "throw",
    "max_query_size": "8388608",
    "allow_python_table_function": "0",
    "input_format_values_interpret_expressions": "0",
    "input_format_values_deduce_templates_of_expressions": "0",
}
"""Settings of every statement. They limit its resources, and rows may have values only, not expressions."""

CHANGEABLE_SETTINGS = frozenset(
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
"""Settings that a request or a statement may change. Others can name files, URLs or another query language."""

ALLOWED_STATEMENTS = frozenset(
    "SELECT WITH SHOW DESCRIBE EXISTS EXPLAIN CHECK INSERT CREATE ALTER DROP TRUNCATE RENAME EXCHANGE OPTIMIZE DELETE"
    " UPDATE".split()
)
"""First words of the statements that are allowed."""

ALLOWED_ENGINES = {"Atomic", "Memory", "Null", "Log", "TinyLog", "StripeLog", "MergeTree"}
ALLOWED_ENGINES |= {f"{kind}MergeTree" for kind in ("Replacing", "Summing", "Aggregating", "Collapsing", "VersionedCollapsing")}
"""Engines of tables and databases that keep their data in the server's own folder."""

ALLOWED_TABLE_FUNCTIONS = {"numbers", "numbers_mt", "zeros", "zeros_mt", "primes", "generateSeries", "generate_series"}
ALLOWED_TABLE_FUNCTIONS |= {"generateRandom", "values", "view", "merge", "null", "format"}
"""Table functions that read only the server's own tables. All others of the engine are refused, and so is `disk`, by which a
table can choose its folder."""

REFUSED_FUNCTIONS = {"file"}
"""Functions that are refused besides those of language models: this one reads files."""

_TOKEN = re.compile(
    r"(?P<text>'(?:[^'\\]|\\.)*')|(?P<quoted>`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\")|(?P<word>\w+)|(?P<sign>\S)", re.DOTALL
)


def users_configuration(settings: Iterable[str]) -> str:
    """The configuration of the engine's only user; `settings` are the names of all settings of the engine."""
    defaults = "".join(f"<{name}>{value}</{name}>" for name, value in DEFAULT_SETTINGS.items())
    fixed = sorted({*settings, "merge_tree_disk", "merge_tree_storage_policy", "merge_tree_table_disk"} - CHANGEABLE_SETTINGS)
    constraints = "".join(f"<{name}><const/></{name}>" for name in fixed if re.fullmatch(r"[a-z_]\w*", name))
    return f"""<clickhouse>
<profiles><default>{defaults}<constraints>{constraints}</constraints></default></profiles>
<quotas><default/></quotas>
<users><default>
<password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
<grants><query>GRANT {GRANTS} ON *.*</query></grants>
</default></users>
</clickhouse>
"""


def refusal(statement: str, refused_functions: frozenset[str], refused_table_functions: frozenset[str]) -> str | None:
    """Why a statement, as the engine's parser formats it, is refused; None if it is allowed.

    The names of `refused_functions` may not occur at all, because a function can be passed as an argument. Those of
    `refused_table_functions` may not be called, but a column may have such a name. Both are in lower case.
    """
    tokens = [(match.lastgroup, match.group()) for match in _TOKEN.finditer(statement)]
    first_word = next((text.upper() for kind, text in tokens if kind == "word"), "")
    if first_word not in ALLOWED_STATEMENTS:
        return f"{first_word or 'this'} is not among the allowed statements"
    end = ("sign", "")
    for (kind, text), (_, next_text), (_, next_but_one) in zip(tokens, [*tokens[1:], end], [*tokens[2:], end, end]):
        if kind in ("text", "sign"):
            if (text, next_text, next_but_one) == (":", "Identifier", "}"):
                return "a parameter that is an identifier could name anything: write the name into the statement"
            continue
        name = text.strip('`"')
        is_refused_call = next_text == "(" and (name.lower() in refused_table_functions or "\\" in name)
        if name.lower() in refused_functions or is_refused_call:
            return f"the function {name} is not available here"
        if (text, next_text) in (("INTO", "OUTFILE"), ("FROM", "INFILE")):
            return f"{text} {next_text} is refused: statements may not write or read files"
        if (text, next_text) == ("ENGINE", "=") and next_but_one.strip('`"') not in ALLOWED_ENGINES:
            return f"the engine {next_but_one} is not available here"
    return None
