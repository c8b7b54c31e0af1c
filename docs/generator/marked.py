"""Parts of a page that a command writes: between two comments that say so."""

END = "<!-- The end of it. -->\n"


def put(page: str, begin: str, text: str) -> str:
    """Return the page with `text` between the comment `begin` and the next END. ValueError without them."""
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise ValueError(f"the page must have {begin.strip()} … {END.strip()}")
    return f"{before}{begin}{text}{END}{after}"
