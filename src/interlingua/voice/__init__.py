"""The voice agent: a LiveKit worker whose models, speech and task agent are chosen by configuration."""
