"""What statements of the ClickHouse adapter may not do, whoever sends them: access files, URLs or commands."""

import http.server
import tempfile
import threading
import unittest
from pathlib import Path
from urllib.parse import urlencode

from .test_clickhouse import KEY, insert, query, start_server

SECRET = "a-word-that-is-in-one-file-only"
ALLOWED_TABLE_FUNCTIONS = {"numbers", "numbers_mt", "zeros", "zeros_mt", "primes", "generateSeries", "generate_series"}
ALLOWED_TABLE_FUNCTIONS |= {"generateRandom", "values", "view", "merge", "null", "format"}
ALLOWED_ENGINES = {"MergeTree", "ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree", "CollapsingMergeTree"}
ALLOWED_ENGINES |= {"VersionedCollapsingMergeTree", "Memory", "Null", "Log", "TinyLog", "StripeLog", "Atomic"}


class Policy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.outside = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.secret = cls.outside / "secret.txt"
        cls.secret.write_text(f"{SECRET}\n")
        cls.server = cls.enterClassContext(start_server(str(cls.folder)))
        query(cls.server, "CREATE DATABASE shop")
        query(cls.server, "CREATE TABLE shop.notes (text String) ENGINE = MergeTree ORDER BY text")
        insert(cls.server, "INSERT INTO shop.notes FORMAT TSV", b"a\n")

    def refused(self, sql: str, method: str = "POST", **parameters: str) -> str:
        """Sends a statement that must be refused, and returns the error. It must not read or write files outside."""
        if method == "GET":
            answer = self.server.request("/?" + urlencode({"query": sql, "database": "shop", **parameters}), None, KEY)
        else:
            path = "/?" + urlencode({"database": "shop", **parameters})
            answer = self.server.request(path, sql.encode("utf-8", "surrogateescape"), KEY)
        status, _, text = answer
        self.assertNotIn(SECRET, text.decode(), sql)
        self.assertGreaterEqual(status, 400, f"{sql} was run: {text.decode()}")
        self.assertEqual([path.name for path in self.outside.iterdir()], ["secret.txt"], sql)
        self.assertEqual(query(self.server, "SELECT text FROM shop.notes"), "a", sql)
        return text.decode()

    def test_files_are_not_read(self):
        secret = self.secret
        for sql in (
            f"SELECT * FROM file('{secret}', 'LineAsString')",
            f"SELECT * FROM file('{secret}', 'RawBLOB')",
            f"select*from/**/file/**/('{secret}','LineAsString')",
            f"SELECT file('{secret}')",
            f"SELECT `file`('{secret}')",
            f'SELECT "file"(\'{secret}\')',
            f"SELECT `fi\\x6ce`('{secret}')",
            f"SELECT 1 -- (\n, file -- x\n('{secret}')",
            f"WITH (SELECT file('{secret}')) AS x SELECT x",
            f"SELECT arrayMap(x -> file(x), ['{secret}'])",
            f"SELECT '{secret}'.file()",
            f"SELECT arrayMap(file, ['{secret}'])",
            f"SELECT arrayMap(`fi\\x6ce`, ['{secret}'])",
            f"SELECT arrayFold(file, ['{secret}'], '')",
            f"WITH file AS f SELECT arrayMap(f, ['{secret}'])",
            f"SELECT file('{secret}') FORMAT JSON",
            f"EXPLAIN SELECT file('{secret}')",
            f"SELECT 1; SELECT file('{secret}')",
            f"SELECT 1;\nSELECT 2",
            f"SELECT * FROM '{secret}'",
            f"SELECT * FROM `{secret}`",
            f"SELECT * FROM default.`{secret}`",
            f"SELECT * FROM filesystem('{secret.parent}')",
            f"DESCRIBE file('{secret}')",
            f"DESCRIBE TABLE file('{secret}', 'CSV')",
            f"INSERT INTO notes SELECT file('{secret}')",
            f"INSERT INTO notes SELECT * FROM file('{secret}', 'LineAsString')",
            f"INSERT INTO notes VALUES (file('{secret}'))",
            f"INSERT INTO notes FROM INFILE '{secret}' FORMAT LineAsString",
            f"INSERT INTO notes/**/FROM/**/INFILE'{secret}'FORMAT/**/LineAsString",
            f"insert into notes from infile '{secret}' compression 'none' format TSV",
            f"SELECT 1 FORMAT Template SETTINGS format_template_row = '{secret}'",
            f"SELECT * FROM format(Template, 'x') SETTINGS format_template_row = '{secret}'",
            f"SELECT * FROM format(CapnProto, 'x') SETTINGS format_schema = '{secret}:A'",
            f"SELECT * FROM (SELECT * FROM format(Protobuf, 'x') SETTINGS format_schema = '{secret}:A')",
            f"SET format_schema = '{secret}:A'",
            f"CREATE TABLE t (text String DEFAULT file('{secret}')) ENGINE = Memory",
            f"CREATE TABLE t ENGINE = File(LineAsString, '{secret}')",
            f"CREATE TABLE t (text String) ENGINE/**/=/**/`File`(LineAsString, '{secret}')",
            f"CREATE TABLE t ENGINE = Memory AS SELECT * FROM file('{secret}', 'LineAsString')",
            f"CREATE TABLE t AS file('{secret}', 'LineAsString')",
            f"CREATE VIEW v AS SELECT file('{secret}')",
            f"CREATE MATERIALIZED VIEW v ENGINE = Memory AS SELECT file('{secret}') FROM notes",
            f"CREATE FUNCTION f AS (x) -> file(x)",
            f"CREATE DATABASE d ENGINE = Filesystem('{secret.parent}')",
            f"CREATE DATABASE d ENGINE = SQLite('{secret}')",
            f"ATTACH TABLE t FROM '{secret.parent}' (text String) ENGINE = MergeTree ORDER BY text",
            f"CREATE DICTIONARY d (text String) PRIMARY KEY text SOURCE(FILE(path '{secret}' format 'LineAsString')) "
            "LAYOUT(FLAT()) LIFETIME(1)",
            f"ALTER TABLE notes UPDATE text = file('{secret}') WHERE 1",
            f"ALTER TABLE notes ADD COLUMN more String DEFAULT file('{secret}')",
            f"ALTER TABLE notes DELETE WHERE text = file('{secret}')",
        ):
            with self.subTest(sql=sql):
                self.refused(sql)
                self.refused(sql, "GET")

    def test_rows_are_values_and_not_statements(self):
        for sql, rows in (
            ("INSERT INTO notes FORMAT Values", f"(file('{self.secret}'))"),
            ("INSERT INTO notes VALUES", f"(file('{self.secret}'))"),
            ("INSERT INTO notes VALUES", f"('b'), ((SELECT file('{self.secret}')))"),
            ("INSERT INTO notes SETTINGS input_format_values_interpret_expressions = 1 FORMAT Values", "(concat('b'))"),
            ("INSERT INTO notes FORMAT Template SETTINGS format_template_row = 'x'", "b"),
        ):
            with self.subTest(sql=sql):
                status, _, text = insert(self.server, sql, rows.encode(), database="shop")
                self.assertGreaterEqual(status, 400, text)
                self.assertNotIn(SECRET, text.decode())
        query(self.server, "CREATE TABLE shop.more (n UInt8, text String, list Array(String)) ENGINE = Memory")
        rows = "INSERT INTO more (n, text, list) /* VALUES */ VALUES (1, 'it''s; VALUES', ['a', 'b']), (2, '', [])"
        query(self.server, rows, database="shop")
        insert(self.server, "INSERT INTO more VALUES", b"(3, 'file(1)', [])", database="shop")
        query(self.server, f"INSERT INTO more VALUES (4, 'c', []); SELECT file('{self.secret}')", database="shop")
        self.assertEqual(query(self.server, "SELECT text FROM shop.more ORDER BY n"), "it\\'s; VALUES\n\nfile(1)\nc")

    def test_files_are_not_written(self):
        target = self.outside / "made"
        for sql in (
            f"SELECT 1 INTO OUTFILE '{target}'",
            f"SELECT 1 INTO/**/OUTFILE'{target}'FORMAT/**/TSV",
            f"select 1\ninto\noutfile '{target}' truncate",
            f"SELECT 1 INTO OUTFILE '{target}' AND STDOUT",
            f"(SELECT 1) UNION ALL (SELECT 2) INTO OUTFILE '{target}'",
            f"SHOW DATABASES INTO OUTFILE '{target}'",
            f"DESCRIBE notes INTO OUTFILE '{target}'",
            f"EXPLAIN SELECT 1 INTO OUTFILE '{target}'",
            f"INSERT INTO FUNCTION file('{target}', 'TSV') SELECT 1",
            f"INSERT INTO TABLE FUNCTION file('{target}', 'TSV', 'a UInt8') VALUES (1)",
            f"CREATE TABLE t (a UInt8) ENGINE = File(TSV, '{target}')",
            f"CREATE TABLE t (a UInt8) ENGINE = EmbeddedRocksDB(0, '{target}') PRIMARY KEY a",
            f"CREATE TABLE t (a UInt8) ENGINE = FileLog('{target}', 'TSV')",
            f"CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '{target}/')",
            "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = object_storage, "
            f"object_storage_type = local, metadata_type = plain, path = '{target}/')",
            "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS table_disk = 1, disk = `di\\x73k`(type = "
            f"object_storage, object_storage_type = local, metadata_type = plain, path = '{target}/')",
            f"ALTER TABLE notes MODIFY SETTING disk = disk(type = local, path = '{target}/')",
            f"BACKUP TABLE notes TO File('{target}')",
            "BACKUP TABLE notes TO Disk('default', 'made')",
            f"RESTORE TABLE notes FROM File('{target}')",
            f"CREATE DATABASE d ENGINE = SQLite('{target}')",
            "ALTER TABLE notes FREEZE",
        ):
            with self.subTest(sql=sql):
                self.refused(sql)
                self.refused(sql, "GET")

    def test_no_url_is_requested(self):
        requests = []

        class Other(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                requests.append(self.path)
                self.send_error(404)

            do_HEAD = do_POST = do_PUT = do_GET

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"127.0.0.1:{server.server_port}"
            for sql in (
                f"SELECT * FROM url('http://{address}/', 'LineAsString')",
                f"SELECT * FROM `u\\x72l`('http://{address}/', 'LineAsString')",
                f"SELECT * FROM 'http://{address}/a.csv'",
                f"SELECT * FROM s3('http://{address}/bucket/a.csv', 'CSV')",
                f"SELECT * FROM s3('http://{address}/bucket/a.csv', NOSIGN, 'CSV', 'a String')",
                f"SELECT * FROM remote('{address}', system.one)",
                f"SELECT * FROM remoteSecure('{address}', system.one)",
                f"SELECT * FROM deltaLake('http://{address}/bucket/')",
                f"SELECT * FROM iceberg('http://{address}/bucket/')",
                f"SELECT * FROM hdfs('hdfs://{address}/a', 'CSV', 'a String')",
                f"SELECT * FROM mysql('{address}', 'a', 'b', 'c', 'd')",
                f"SELECT * FROM postgresql('{address}', 'a', 'b', 'c', 'd')",
                f"SELECT * FROM mongodb('{address}', 'a', 'b', 'c', 'd', 'a String')",
                f"SELECT * FROM redis('{address}', 'a', 'a String')",
                f"SELECT * FROM odbc('DSN=x', 'a', 'b')",
                f"SELECT * FROM jdbc('jdbc:x://{address}', 'a', 'b')",
                f"INSERT INTO FUNCTION url('http://{address}/', 'TSV', 'a UInt8') VALUES (1)",
                f"CREATE TABLE t (a String) ENGINE = URL('http://{address}/', 'TSV')",
                f"CREATE TABLE t (a String) ENGINE = S3('http://{address}/bucket/a.csv', 'CSV')",
                f"CREATE TABLE t (a String) ENGINE = Kafka SETTINGS kafka_broker_list = '{address}'",
                f"CREATE TABLE t (a String) ENGINE = NATS SETTINGS nats_url = '{address}'",
                f"CREATE TABLE t (a String) ENGINE = Distributed('default', 'a', 'b')",
                f"CREATE DATABASE d ENGINE = MySQL('{address}', 'a', 'b', 'c')",
                f"CREATE DATABASE d ENGINE = PostgreSQL('{address}', 'a', 'b', 'c')",
                f"CREATE DATABASE d ENGINE = URL('http://{address}/')",
                f"CREATE NAMED COLLECTION c AS url = 'http://{address}/'",
                "SELECT * FROM format(AvroConfluent, 'x') SETTINGS "
                f"format_avro_schema_registry_url = 'http://{address}/'",
                "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = web, "
                f"endpoint = 'http://{address}/')",
                "SELECT aiGenerate('x')",
                "SELECT AIGenerate('x')",
            ):
                with self.subTest(sql=sql):
                    self.refused(sql)
                    self.refused(sql, "GET")
            server.shutdown()
        self.assertEqual(requests, [])

    def test_no_command_is_run_and_no_object_of_the_process_is_read(self):
        for sql in (
            "SELECT * FROM executable('/bin/sh', 'TSV', 'a String')",
            "CREATE TABLE t (a String) ENGINE = Executable('a.sh', 'TSV')",
            "CREATE TABLE t (a String) ENGINE = ExecutablePool('a.sh', 'TSV')",
            "SELECT * FROM python(parameters)",
            "SELECT * FROM Python(parameters)",
            "SELECT * FROM PYTHON(os)",
            "SELECT * FROM parameters",
            "CREATE TABLE t (a String) ENGINE = Python(parameters)",
            "SELECT * FROM eval('SELECT 1')",
            "SELECT * FROM python(parameters) SETTINGS allow_python_table_function = 1",
            "SET allow_python_table_function = 1",
            "SYSTEM SHUTDOWN",
            "SYSTEM FLUSH LOGS",
            "KILL QUERY WHERE 1",
            "CREATE USER bob",
            "GRANT ALL ON *.* TO default",
            "USE system",
            "SELECT addressToLine(1)",
            "SELECT addressToLine(1) SETTINGS allow_introspection_functions = 1",
            "SELECT 1 SETTINGS dialect = 'kusto'",
            "SELECT 1 SETTINGS readonly = 0, allow_experimental_eval_table_function = 1",
            "SELECT 1\0; SELECT 2",
            "SELECT '\udcff'",
        ):
            with self.subTest(sql=sql):
                self.refused(sql)
        self.refused("SELECT 1", default_format="TSV INTO OUTFILE 'x'")
        self.refused("SELECT 1", format_schema="x")
        self.refused("SELECT addressToLine(1)", allow_introspection_functions="1")
        self.refused("SELECT 1", dialect="prql")
        self.refused("SELECT {f:Identifier}('x')", param_f="file")
        self.refused(f"SELECT arrayMap({{f:Identifier}}, ['{self.secret}'])", param_f="file")
        self.refused(f"SELECT arrayMap({{f:Identifier}}, ['{self.secret}'])", param_f="`fi\\x6ce`")
        self.refused("SELECT * FROM {f:Identifier}", param_f=str(self.secret))

    def test_every_other_table_function_of_the_engine_is_refused(self):
        functions = query(self.server, "SELECT name FROM system.table_functions").split()
        for name in sorted(set(functions) - ALLOWED_TABLE_FUNCTIONS):
            with self.subTest(name=name):
                error = self.refused(f"SELECT * FROM {name}('a', 'b', 'c')")
                self.assertRegex(error, "is not available here|SYNTAX_ERROR")
        self.assertTrue(set(functions) > ALLOWED_TABLE_FUNCTIONS)

    def test_every_engine_that_keeps_its_data_elsewhere_is_refused(self):
        tables = query(self.server, "SELECT name FROM system.table_engines").split()
        databases = query(self.server, "SELECT name FROM system.database_engines").split()
        self.assertTrue({"File", "URL", "EmbeddedRocksDB"} <= set(tables) and {"SQLite"} <= set(databases))
        for name in sorted({*tables, *databases} - ALLOWED_ENGINES):
            for sql in (f"CREATE TABLE t (a UInt8) ENGINE = {name}('a')", f"CREATE DATABASE d ENGINE = {name}('a')"):
                with self.subTest(sql=sql):
                    self.assertRegex(self.refused(sql), "is not available here|SYNTAX_ERROR")

    def test_get_writes_nothing(self):
        for sql in (
            "INSERT INTO notes VALUES ('b')",
            "INSERT INTO notes SELECT 'b'",
            "INSERT INTO notes FORMAT TSV",
            "CREATE TABLE t (a UInt8) ENGINE = Memory",
            "CREATE DATABASE another",
            "DROP TABLE notes",
            "TRUNCATE TABLE notes",
            "ALTER TABLE notes DELETE WHERE 1 SETTINGS mutations_sync = 2",
            "DELETE FROM notes WHERE 1",
            "RENAME TABLE notes TO others",
            "OPTIMIZE TABLE notes",
            "INSERT INTO notes SETTINGS readonly = 0 VALUES ('b')",
        ):
            with self.subTest(sql=sql):
                self.refused(sql, "GET")
                self.refused(sql, "GET", readonly="0")

    def test_settings_of_a_request_do_not_apply_to_the_next(self):
        before = query(self.server, "SELECT getSetting('max_threads'), currentDatabase()")
        query(self.server, "SELECT 1", max_threads="1", database="system")
        query(self.server, "SELECT 1 SETTINGS max_threads = 1")
        self.server.request("/?query=SELECT+1", None, KEY)
        self.assertEqual(query(self.server, "SELECT getSetting('max_threads'), currentDatabase()"), before)
        query(self.server, "CREATE TABLE shop.after (a UInt8) ENGINE = Memory")

    def test_the_statements_of_the_analytics_are_allowed(self):
        query(self.server, "CREATE DATABASE other ENGINE = Atomic")
        query(self.server, "CREATE TABLE other.chats (`at` DateTime64(3, 'UTC'), job_id String, n Enum8('a' = 1)) "
              "ENGINE = ReplacingMergeTree(at) PARTITION BY toYYYYMM(at) ORDER BY job_id "
              "SETTINGS non_replicated_deduplication_window = 1000")  # fmt: skip
        query(self.server, "ALTER TABLE other.chats ADD COLUMN IF NOT EXISTS answer String COMMENT 'it''s; read' AFTER n")
        query(self.server, "CREATE TABLE other.copy AS other.chats")
        query(self.server, "EXCHANGE TABLES other.chats AND other.copy")
        insert(self.server, "INSERT INTO `chats`(`job_id`,`answer`) FORMAT TSV", b"a\tfile(INTO OUTFILE)\n", database="other")
        query(self.server, "SELECT count() AS url, 1 AS redis, 2 AS disk, 'file', `url` + redis FROM other.chats")
        statement = "SELECT answer FROM other.chats FINAL WHERE answer = 'file(INTO OUTFILE)' OR answer = {word:String}"
        self.assertEqual(query(self.server, statement, param_word="ENGINE = File"), "file(INTO OUTFILE)")
        query(self.server, "ALTER TABLE other.chats DELETE WHERE 1 SETTINGS mutations_sync = 2")
        query(self.server, "EXISTS TABLE other.chats")
        query(self.server, "DESCRIBE TABLE other.chats")
        query(self.server, "DROP DATABASE IF EXISTS other SYNC")


if __name__ == "__main__":
    unittest.main()
