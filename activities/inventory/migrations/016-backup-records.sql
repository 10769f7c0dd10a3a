-- What a backup's record tells besides. Of backups that were taken before nobody knows it: null.

alter table backups
  -- What the tool was told: compression, encryption, processes. No secret.
  add column parameters jsonb;

alter table backup_copies
  -- Of the database as it was for this copy: sites are written to one after the other.
  add column database_bytes bigint,
  -- SHA-256 of its manifest as the store had it when the copy was written down.
  add column manifest_sha256 text check (manifest_sha256 ~ '^[0-9a-f]{64}$'),
  -- When it was last restored and found to be good, by a drill or a restore.
  add column verified_at timestamptz;
