"""Measurements that print figures beside the known ones; run them one by one."""
