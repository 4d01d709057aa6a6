-- What visitors say of answers: the last word of each chat.
--
-- The key is the job, as in `chats`: of two rows of a job the one with the later `at` stays. There are few rows, so they
-- are one partition, and an insert is always whole.
CREATE TABLE IF NOT EXISTS feedback
(
    stream_seq UInt64 COMMENT 'sequence of the event in the stream',
    epoch String COMMENT 'which life of the stream the sequence belongs to',
    job_id String COMMENT 'the chat whose answer is meant',
    at DateTime64(3, 'UTC') COMMENT 'when it was said',
    session_id String,
    rating LowCardinality(String) COMMENT 'up or down',
    reason LowCardinality(String) COMMENT 'empty without one',
    comment String COMMENT 'the visitor''s own words, empty without any'
)
ENGINE = ReplacingMergeTree(at)
ORDER BY job_id
SETTINGS non_replicated_deduplication_window = 1000;
