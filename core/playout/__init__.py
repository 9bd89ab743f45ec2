"""The jitter buffer and all it decides. Pure: the clock is passed in; no thread, no event loop, no device.

Where what is to come belongs: an adaptive target beside `settings` (whoever computes it calls
`JitterBuffer.configure`), time-scale modification between ring and output in `JitterBuffer.pull`,
drift and the what-if curve on the arrivals that `delay` keeps.
"""
