"""Questions and answers, written once: searched by agents, on the public page, and by text message."""
