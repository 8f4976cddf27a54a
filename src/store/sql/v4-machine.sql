-- SPDX-License-Identifier: Apache-2.0
-- Version 4: what machine a run was on, as its recording was told (JSON; a fact).
ALTER TABLE run ADD COLUMN machine TEXT;
