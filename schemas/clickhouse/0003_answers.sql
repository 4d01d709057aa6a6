-- The answer's text, so that a conversation can be read; empty for a chat that had none, or that was written before.
ALTER TABLE chats ADD COLUMN IF NOT EXISTS answer String COMMENT 'what the visitor read' AFTER question;
