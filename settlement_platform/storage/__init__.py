"""Where bytes and facts live; library errors become transient or permanent failures here."""
