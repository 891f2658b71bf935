"""Marts: the tables that the platform computes, one declaration and one SQL file each."""
