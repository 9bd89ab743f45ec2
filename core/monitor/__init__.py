"""What happened and how it goes: time series in fixed memory, distributions, events."""
