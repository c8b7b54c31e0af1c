"""A preview of Pulumi, read into instances of our components and their changes."""
