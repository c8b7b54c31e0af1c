"""Components and settings as programs declare them, under Pulumi's mocks."""
