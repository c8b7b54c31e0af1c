"""Plain Python: no Pulumi, no engine."""
