-- What became of labelled questions, as `hoidap-worker eval --record NAME` writes it: one row for each question of a run.
--
-- A run is known by its name and its moment, and is inserted as one block: all of it or nothing.
CREATE TABLE IF NOT EXISTS evaluations
(
    name LowCardinality(String) COMMENT 'which questions, as --record names them',
    at DateTime64(3, 'UTC') COMMENT 'when the run ended; the same in all its rows',
    place UInt32 COMMENT 'the question''s place in its file, from 0',
    question_id String,
    question String,
    language LowCardinality(String) COMMENT 'of the answer',
    kind LowCardinality(String) COMMENT 'what is asked for, empty where the question does not say',
    answerable Bool COMMENT 'whether the documents answer it; else it should be refused',
    outcome LowCardinality(String) COMMENT 'how it ended, as in chats',
    right Bool COMMENT 'the answer is right; of a question that should be refused: it was',
    confidence Float32 COMMENT '0 to 1',
    versions Map(String, String) COMMENT 'what each stage''s result depends on'
)
ENGINE = MergeTree
ORDER BY (name, at, place)
SETTINGS non_replicated_deduplication_window = 1000;
