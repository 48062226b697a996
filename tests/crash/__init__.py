"""Crashes, floods and full disks."""
