"""A listening session: socket to wire to playout to sound, with reconnection."""
