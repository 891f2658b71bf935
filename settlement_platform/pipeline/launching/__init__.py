"""Launching: may work start now, and how fast may it write?"""
