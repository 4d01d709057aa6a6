-- What is refused by the hundred comes as one row with its number: see `hoidap_gateway_refused_total` for the same as a figure.
ALTER TABLE chats ADD COLUMN IF NOT EXISTS times UInt32 DEFAULT 1 COMMENT 'chats that this row tells of, more than one only for refusals' AFTER outcome;
