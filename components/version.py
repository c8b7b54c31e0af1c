"""The version, said once: the wheel's, the plugin's and the schema's."""

VERSION = "0.2.0"
