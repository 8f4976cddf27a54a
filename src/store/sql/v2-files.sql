-- SPDX-License-Identifier: Apache-2.0
-- Version 2: what a use of a file was, beyond its opens. NULL in rows of version 1.
ALTER TABLE file ADD COLUMN kind INTEGER;
ALTER TABLE file ADD COLUMN files INTEGER;
ALTER TABLE file ADD COLUMN source TEXT;
ALTER TABLE file ADD COLUMN descriptors INTEGER;
ALTER TABLE file ADD COLUMN read_to_bytes INTEGER;
ALTER TABLE file ADD COLUMN written_to_bytes INTEGER;
-- Version 1 had the size at the open, which says nothing of what was then written.
UPDATE file SET size_bytes = NULL WHERE access & 14;
