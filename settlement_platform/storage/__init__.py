"""Storage: the places of bytes and facts; library errors become transient or permanent failures here."""
