"""The plugin: the protocol of Pulumi on one side, functions of `engine` on the other."""
