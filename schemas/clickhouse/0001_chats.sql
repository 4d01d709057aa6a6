-- One row for each chat, however it ended.
--
-- The key is the job, so an event that was stored twice counts once: of two rows of a job the one with the later `at`
-- stays. That happens when parts are merged; until then FINAL gives the same result. The window makes the server refuse
-- a batch whose deduplication token it has seen. Every statement can be run again.
CREATE TABLE IF NOT EXISTS chats
(
    stream_seq UInt64 COMMENT 'sequence of the event in the stream',
    epoch String COMMENT 'which life of the stream the sequence belongs to',
    job_id String COMMENT 'the chat',
    at DateTime64(3, 'UTC') COMMENT 'when it ended',
    outcome LowCardinality(String) COMMENT 'how it ended',
    problem LowCardinality(String) COMMENT 'code of the failure, empty without one',
    session_id String,
    user_id String COMMENT 'the site''s own name for the visitor, empty without one',
    client String COMMENT 'keyed hash of the address',
    question String,
    page String COMMENT 'address of the page, without query or fragment',
    intent LowCardinality(String) COMMENT 'unknown when the chat ended before it was found',
    product LowCardinality(String) COMMENT 'empty without one',
    language LowCardinality(String),
    confidence Float32 COMMENT '0 to 1',
    took_ms UInt32 COMMENT 'from the question to the end',
    provider LowCardinality(String) COMMENT 'whose words were given, empty when no provider was asked',
    model LowCardinality(String),
    prompt_tokens UInt32,
    completion_tokens UInt32,
    cost_usd Float64 COMMENT '0 when it is not known',
    cost_known Bool,
    attempt_provider Array(LowCardinality(String)) COMMENT 'every provider asked, in order',
    attempt_ms Array(UInt32),
    attempt_error Array(String) COMMENT 'empty for the one that answered',
    hop_stage Array(LowCardinality(String)) COMMENT 'every stage passed, in order',
    hop_waited_ms Array(UInt32),
    hop_worked_ms Array(UInt32),
    hop_delivery Array(UInt32),
    sources Array(String) COMMENT 'address of each cited source',
    versions Map(String, String) COMMENT 'what each stage''s result depends on'
)
ENGINE = ReplacingMergeTree(at)
PARTITION BY toYYYYMM(at)
ORDER BY job_id
SETTINGS non_replicated_deduplication_window = 1000;
