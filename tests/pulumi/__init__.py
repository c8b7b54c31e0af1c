"""With the real `pulumi`."""
