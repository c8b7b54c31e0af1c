"""The conformance table of traffic.

`cases` reads it, `stage` holds replicas, front ends and everybody else, `client` sends, `verdict` compares,
`run` is one case from its begin to its end.
"""
