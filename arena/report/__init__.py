"""What people and other tools read of a run: a page, Parquet files, an archive."""
