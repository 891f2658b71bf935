"""What was meant to end the whole process, where a library made an ordinary error of it."""


def interruption_behind(error: BaseException) -> BaseException | None:
    """The interruption that an error arose from, if any.

    A signal's handler raises in whatever the main thread does. DuckDB then ends the query, and reports that as an
    error like any other, with the handler's as its cause.
    """
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        if not isinstance(found, Exception):
            return found
        seen.add(id(found))
        found = found.__cause__ or found.__context__
    return None
