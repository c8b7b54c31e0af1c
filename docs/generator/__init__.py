"""The pages of docs/reference, made of the plugin's schema, of what the models refuse, and of real errors."""
