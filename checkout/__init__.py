"""Commands of a checkout around Pulumi: `make up`, `preview` and `down`.

They install what this machine lacks, repair what an interrupted run left, run Pulumi and print where the
services are. This folder is not part of the installed package.

    python -m checkout up --stack dev
"""
