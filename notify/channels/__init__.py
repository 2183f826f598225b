"""Channels and their providers: `channel` says what a channel is, `registry` who carries it, `contract` what an adapter
must do; a package for each provider."""
