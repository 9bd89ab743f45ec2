"""Arrival traces: when each packet of a live stream came, without the sound.

``a_none.json`` to ``g_long_stalls.json`` are seven made-up minutes of 3000 packets of 20 ms (``description`` says what
each is); packet ``i`` leaves at ``i * frame_ms`` and arrives ``delays_ms[i]`` later, in order, as over TCP.
``neteq.json`` has what WebRTC's NetEQ made of each, measured in a browser. `trace` reads them; `families` makes as many
others of the same kinds, and of livelier ones, as one has seeds.
"""
