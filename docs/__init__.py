"""Tools that write and check the pages of this folder."""
