"""The gate: may this content be published, as which state, and by whose word?"""
