"""From what a user wrote to a value that is known to be right, or to one error."""
