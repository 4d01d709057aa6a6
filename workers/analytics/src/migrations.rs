use sha2::{Digest as _, Sha256};

use crate::row::{ChatRow, EventRow as _, FeedbackRow};

/// One file of `schemas/clickhouse`. Every statement can be run again without harm (`IF NOT EXISTS`). So two sinks may start
/// at once, and a dropped table is created again.
pub(super) struct Migration {
    pub(super) version: u32,
    pub(super) name: &'static str,
    sql: &'static str,
}

/// The table of evaluation results. The sink does not write it.
pub(super) const EVALUATIONS: &str = "evaluations";

/// The tables of events.
pub(super) const TABLES: [&str; 2] = [ChatRow::TABLE, FeedbackRow::TABLE];

/// All migrations, in the order in which they are applied.
pub(super) const ALL: [Migration; 5] = [
    Migration {
        version: 1,
        name: "0001_chats.sql",
        sql: include_str!("../../../schemas/clickhouse/0001_chats.sql"),
    },
    Migration {
        version: 2,
        name: "0002_feedback.sql",
        sql: include_str!("../../../schemas/clickhouse/0002_feedback.sql"),
    },
    Migration {
        version: 3,
        name: "0003_answers.sql",
        sql: include_str!("../../../schemas/clickhouse/0003_answers.sql"),
    },
    Migration {
        version: 4,
        name: "0004_times.sql",
        sql: include_str!("../../../schemas/clickhouse/0004_times.sql"),
    },
    Migration {
        version: 5,
        name: "0005_evaluations.sql",
        sql: include_str!("../../../schemas/clickhouse/0005_evaluations.sql"),
    },
];

impl Migration {
    /// SHA-256 of the file, in hexadecimal.
    pub(super) fn sha256(&self) -> String {
        Sha256::digest(self.sql).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The file's statements: each ends with a semicolon at the end of a line.
    pub(super) fn statements(&self) -> impl Iterator<Item = &'static str> {
        self.sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/clickhouse");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".sql"))
            .collect();
        files.sort();
        assert_eq!(files, ALL.iter().map(|migration| migration.name).collect::<Vec<_>>());
        for (migration, expected) in ALL.iter().zip(1..) {
            assert_eq!(migration.version, expected);
            assert!(migration.name.starts_with(&format!("{expected:04}_")), "{}", migration.name);
        }
    }

    #[test]
    fn every_table_has_its_statement() {
        let statements: Vec<_> = ALL.iter().flat_map(Migration::statements).collect();
        for table in TABLES.into_iter().chain([EVALUATIONS]) {
            let start = format!("CREATE TABLE IF NOT EXISTS {table}\n");
            assert!(statements.iter().any(|statement| statement.contains(&start)), "{table}");
        }
    }
}
