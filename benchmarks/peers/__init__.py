"""One and the same work on this platform, on a plain script and on other orchestrators, in one session."""
