"""Sound in and out: devices through PortAudio, the clocked null output, sources of PCM."""
