"""What `make up`, `preview` and `down` do around Pulumi in a checkout: get what this machine lacks, repair
what an interrupted run left, run, say where the services are. Not part of the installed package.

    python -m checkout up --stack dev
"""
