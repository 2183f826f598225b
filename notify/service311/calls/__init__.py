"""Why people call 311: reasons, counts, spikes, and the counts as open data. No caller is ever recorded."""
